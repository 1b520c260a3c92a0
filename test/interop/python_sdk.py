"""Drives the vendor's Python server SDK against a gate.

	python_sdk.py SDK_SRC HOST PORT PID SECRET PEM COLUMNS CURVE

SDK_SRC is the folder with the packages rtm and fpnn; PEM the gate's public key;
COLUMNS "all", or "curve" for the few rows that are run again for each curve ("one" is its own child).

Prints a line for each row and column, separated by tabs: row, column, result,
remark.  The result is "ok", "FAILED", or "SDK" where the SDK itself makes it
impossible; that is found out by trying, never taken for granted.
"""
import importlib
import os
import socket
import subprocess
import sys
import threading
import time

TIMEOUT = 10        # seconds that a call or a push may take
GRACE = 0.3         # seconds in which something that must not come would have come

SYNC, CALLBACK = 'sync', 'callback'


class Mismatch(Exception):
    """The gate did something else than the SDK or its documents expect."""


class SdkBug(Exception):
    """The SDK itself is in the way; says how."""


def expect(good, text):
    if not good:
        raise Mismatch(text)


def same(what, got, want):
    expect(got == want, '%s is %.300r, not %.300r' % (what, got, want))


def code_of(error):
    """An error of the SDK as a number: it mixes enums and numbers."""
    return getattr(error, 'value', error)


def ok(error):
    expect(code_of(error) == 0, 'error %s' % code_of(error))


def fails(error, code):
    same('the error', code_of(error), code)


# which callback class the SDK demands for a call; the rest take BasicCallback
CALLBACKS = {
    'get_group_members': 'GetGroupMembersCallback',
    'is_group_member': 'IsGroupMemberCallback',
    'get_user_groups': 'GetUserGroupsCallback',
    'is_ban_of_group': 'IsBanOfGroupCallback',
    'is_ban_of_room': 'IsBanOfRoomCallback',
    'get_room_members': 'GetRoomMembersCallback',
    'get_room_count': 'GetRoomCountCallback',
    'is_project_black': 'IsProjectBlackCallback',
    'get_message_num': 'GetMessageNumCallback',
    'get_online_users': 'GetOnlineUsersCallback',
    'get_token': 'GetTokenCallback',
    'get_user_info': 'GetUserInfoCallback',
    'get_user_open_info': 'GetUserOpenInfoCallback',
    'get_group_info': 'GetGroupInfoCallback',
    'get_room_info': 'GetRoomInfoCallback',
    'get_friends': 'GetFriendsCallback',
    'is_friend': 'IsFriendCallback',
    'is_friends': 'IsFriendsCallback',
    'get_blacks': 'GetBlacksCallback',
    'is_black': 'IsBlackCallback',
    'is_blacks': 'IsBlacksCallback',
    'data_get': 'DataGetCallback',
    'get_device_push_option': 'GetDevicePushOptionCallback',
    'translate': 'TranslateCallback',
}
for name in ('message', 'messages', 'group_message', 'room_message', 'chat', 'chats', 'group_chat',
             'room_chat', 'cmd', 'cmds', 'group_cmd', 'room_cmd'):
    CALLBACKS['send_' + name] = 'SendMessageCallback'
for name in ('message', 'chat', 'cmd'):
    CALLBACKS['broadcast_' + name] = 'SendMessageCallback'
for name in ('message', 'chat'):
    CALLBACKS['get_group_' + name] = 'GetGroupMessageCallback'
    CALLBACKS['get_room_' + name] = 'GetRoomMessageCallback'
    CALLBACKS['get_broadcast_' + name] = 'GetBroadcastMessageCallback'
    CALLBACKS['get_p2p_' + name] = 'GetP2PMessageCallback'
    for kind in ('p2p', 'group', 'room', 'broadcast'):
        CALLBACKS['get_%s_%s_info' % (kind, name)] = 'GetMessageInfoCallback'
CALLBACKS['get_message_info'] = 'GetMessageInfoCallback'


def callback_for(method):
    base = getattr(rtm, CALLBACKS.get(method, 'BasicCallback'))

    class Waiting(base):
        def __init__(self):
            self.done = threading.Event()
            self.calls = []

        def callback(self, *results):
            self.calls.append(results)
            self.done.set()

    return Waiting()


class Pushes(object):
    """What a listening client was told."""

    def __init__(self):
        self.changed = threading.Condition()
        self.list = []
        monitor = rtm.RTMServerPushMonitor()
        for name in dir(monitor):
            if name.startswith('push_') or name == 'ping':
                setattr(monitor, name, self.taker(name))
        self.monitor = monitor

    def taker(self, name):
        def take(*args):
            with self.changed:
                self.list.append((name, args[0] if len(args) == 1 else None))
                self.changed.notify_all()
        return take

    def of(self, name, mid):
        return [m for (n, m) in self.list if n == name and m.message_id == mid]

    def any_of(self, mid):
        return [n for (n, m) in self.list if m is not None and m.message_id == mid]

    def wait(self, name, mid):
        with self.changed:
            self.changed.wait_for(lambda: self.of(name, mid), TIMEOUT)
            found = self.of(name, mid)
            expect(found, '%s did not come; of this message came: %s' % (name, self.any_of(mid) or 'nothing'))
            return found[0]

    def none(self, mid):
        time.sleep(GRACE)
        same('what was pushed though nobody listens', self.any_of(mid), [])

    def once(self, mid):
        time.sleep(GRACE)
        same('number of pushes', len(self.any_of(mid)), 1)


class Column(object):
    """One column of the table: a way to connect and a way to call."""

    number = 0

    def __init__(self, args, encrypted, mode, curve='secp256k1', bits=128):
        Column.number += 1
        self.args, self.encrypted, self.mode, self.curve, self.bits = args, encrypted, mode, curve, bits
        self.name = '%s %s' % ('encrypted' if encrypted else 'plain', mode)
        # nothing that a column makes is seen by another one or by another run
        self.base = (int(time.time()) % 100000) * 1000000 + os.getpid() % 1000 * 1000 + Column.number * 100
        self.last_mid = int(time.time() * 1000) << 14
        self.clients = []
        self.client = self.connect()

    def connect(self, monitor=None):
        client = rtm.RTMServerClient(self.args.pid, self.args.secret, self.args.host + ':' + str(self.args.port))
        client.set_quest_timeout(TIMEOUT)
        client.set_connect_timeout(TIMEOUT)
        if self.encrypted:
            client.enable_encryptor_by_pem_file(self.args.pem, self.curve, self.bits)
        if monitor:
            client.set_quest_processor(monitor)
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            client.destory()
        self.clients = []

    def id(self, n):
        return self.base + n

    def mid(self):
        """Ours are unique; those that the SDK makes repeat within a millisecond."""
        self.last_mid += 1
        return self.last_mid

    def call(self, method, *args, **kwargs):
        client = kwargs.pop('client', self.client)
        function = getattr(client, method)
        if self.mode == SYNC:
            return function(*args, **kwargs)
        waiting = callback_for(method)
        same('what an asynchronous call returns', function(*args, callback=waiting, **kwargs), None)
        expect(waiting.done.wait(TIMEOUT + 2), 'the callback of %s was never called' % method)
        same('number of calls of the callback', len(waiting.calls), 1)
        results = waiting.calls[0]
        return results[0] if len(results) == 1 else results

    def send(self, method, *args, **kwargs):
        """A send with a mid of ours; returns (mid, mtime)."""
        mid = self.mid()
        got, mtime, error = self.call(method, *args, mid=mid, **kwargs)
        ok(error)
        same('the mid', got, mid)
        expect(abs(mtime - time.time() * 1000) < 60000, 'mtime %r is not the time in milliseconds' % (mtime,))
        return mid, mtime

    def group(self, n, *members):
        ok(self.call('add_group_members', self.id(n), list(members)))
        return self.id(n)

    def room(self, n, *members):
        for uid in members:
            ok(self.call('add_room_member', self.id(n), uid))
        return self.id(n)


ROWS = []


def row(name):
    def add(function):
        ROWS.append((name, function))
        return function
    return add


# -- sending ------------------------------------------------------------------

TEXT = 'h\u00e9llo \u4f60\u597d \U0001f600 "\\\n\x01'
BINARY = bytes(range(256))


def check_info(result, mtype, msg, attrs, mtime):
    same('mtype', result.message_type, mtype)
    same('message', result.message, msg)
    same('attrs', result.attrs, attrs)
    same('mtime', result.modified_time, mtime)
    expect(result.cursor_id > 0, 'no cursor id')


def info(c, method, *args):
    result, error = c.call(method, *args)
    ok(error)
    return result


@row('send_message')
def send_message(c):
    a, b = c.id(1), c.id(2)
    mid, mtime = c.send('send_message', 51, a, b, TEXT, '{"k":1}')
    check_info(info(c, 'get_p2p_message_info', mid, a, b), 51, TEXT, '{"k":1}', mtime)
    got, mtime, error = c.call('send_message', 52, a, b, 'own mid', '')
    ok(error)
    expect(got > 0 and mtime > 0, 'no mid or mtime')
    check_info(info(c, 'get_p2p_message_info', got, a, b), 52, 'own mid', '', mtime)


@row('send_message, binary')
def send_binary(c):
    a, b = c.id(1), c.id(2)
    mid, mtime = c.send('send_message', 51, a, b, BINARY, '')
    check_info(info(c, 'get_p2p_message_info', mid, a, b), 51, BINARY, '', mtime)


@row('send_message, errors')
def send_errors(c):
    a, b = c.id(1), c.id(2)
    mid, _ = c.send('send_message', 51, a, b, 'once', '')
    fails(c.call('send_message', 51, a, b, 'once', '', mid=mid)[2], 200053)
    fails(c.call('send_message', 0, a, b, 'x', '', mid=c.mid())[2], 200005)
    fails(c.call('send_message', 128, a, b, 'x', '', mid=c.mid())[2], 200005)
    fails(c.call('send_message', 51, a, a, 'x', '', mid=c.mid())[2], 200052)
    fails(c.call('send_message', 51, a, b, 'x' * 20481, '', mid=c.mid())[2], 200030)
    fails(c.call('send_message', 51, a, b, 'x', 'x' * 2049, mid=c.mid())[2], 200030)
    fails(c.call('send_message', 51, a, 'b', 'x', '', mid=c.mid())[2], 10010)
    c.send('send_message', 51, a, b, 'x' * 20480, 'x' * 2048)


@row('send_messages')
def send_messages(c):
    a, others = c.id(1), [c.id(3), c.id(4), c.id(5)]
    mid, mtime = c.send('send_messages', 53, a, others, TEXT, 'attrs')
    for uid in others:
        check_info(info(c, 'get_p2p_message_info', mid, a, uid), 53, TEXT, 'attrs', mtime)
    fails(c.call('send_messages', 53, a, [], 'x', '', mid=c.mid())[2], 200033)
    fails(c.call('send_messages', 53, a, [c.id(6) + i for i in range(2001)], 'x', '', mid=c.mid())[2], 200032)


@row('send_group_message')
def send_group_message(c):
    a = c.id(1)
    gid = c.group(20, a)
    mid, mtime = c.send('send_group_message', 54, a, gid, TEXT, '')
    check_info(info(c, 'get_group_message_info', mid, a, gid), 54, TEXT, '', mtime)
    fails(c.call('send_group_message', 54, a, gid, 'x', '', mid=mid)[2], 200053)


@row('send_room_message')
def send_room_message(c):
    a = c.id(1)
    rid = c.room(30, a)
    mid, mtime = c.send('send_room_message', 55, a, rid, TEXT, '')
    check_info(info(c, 'get_room_message_info', mid, a, rid), 55, TEXT, '', mtime)
    fails(c.call('send_room_message', 55, a, rid, 'x', '', mid=mid)[2], 200053)


@row('broadcast_message')
def broadcast_message(c):
    mid, mtime = c.send('broadcast_message', 56, c.id(1), TEXT, '')
    check_info(info(c, 'get_broadcast_message_info', mid, c.id(1)), 56, TEXT, '', mtime)


@row('100 sends at once')
def burst(c):
    """Many in flight on one connection, each with its own answer."""
    a, b = c.id(7), c.id(8)
    waiting, mids = [], []
    for i in range(100):
        callback = callback_for('send_message')
        mids.append(c.mid())
        c.client.send_message(51, a, b, 'number %d' % i, '', mid=mids[-1], callback=callback)
        waiting.append(callback)
    for i, callback in enumerate(waiting):
        expect(callback.done.wait(TIMEOUT), 'no answer to send %d' % i)
        ok(callback.calls[0][2])
        same('mid', callback.calls[0][0], mids[i])
    same('number of messages', sorted(m.message_id for m in read_all(c, 'get_p2p_message', a, b)), mids)


# -- histories ----------------------------------------------------------------

def read_all(c, method, *args, **kwargs):
    """Every page, by the cursor that the last one gave."""
    desc = kwargs.pop('desc', False)
    begin = end = lastid = 0
    messages = []
    while True:
        result, error = c.call(method, *args, desc=desc, num=kwargs.get('num', 20),
                               begin=begin, end=end, lastid=lastid, **{k: v for k, v in kwargs.items() if k != 'num'})
        ok(error)
        same('count', result.count, len(result.messages))
        messages.extend(result.messages)
        if result.count == 0:
            return messages
        expect(result.last_cursor_id != lastid, 'the cursor stands still')
        begin, end, lastid = result.begin_msec, result.end_msec, result.last_cursor_id


def history(c, method, args, send, send_args, sender):
    sent = []
    for i, mtype in enumerate((51, 52, 51, 60, 51, 52, 51)):
        mid, mtime = c.send(send, mtype, sender, *(send_args + ('message %d %s' % (i, TEXT), 'attrs %d' % i)))
        sent.append((mid, mtype, 'message %d %s' % (i, TEXT), 'attrs %d' % i, mtime))
        time.sleep(0.002)

    def seen(messages):
        return [(m.message_id, m.message_type, m.message, m.attrs, m.modified_time)
                for m in messages if m.message_id >= sent[0][0] and m.message_id <= sent[-1][0]]

    forward = read_all(c, method, *args, num=3)
    same('forwards', seen(forward), sent)
    ids = [m.cursor_id for m in forward]
    expect(ids == sorted(set(ids)), 'cursor ids do not grow')
    for m in forward:
        if m.message_id == sent[0][0]:
            same('sender', m.from_uid, sender)
    same('backwards', seen(read_all(c, method, *args, num=3, desc=True)), sent[::-1])
    same('with mtypes', seen(read_all(c, method, *args, mtypes=[52, 60])), [s for s in sent if s[1] != 51])
    result, error = c.call(method, *args, desc=False, num=20, begin=sent[2][4], end=sent[4][4])
    ok(error)
    same('from begin to end', seen(result.messages), sent[2:5])
    result, error = c.call(method, *args, desc=True, num=2)
    ok(error)
    same('the last two', seen(result.messages), sent[:4:-1])
    same('count', result.count, 2)


@row('get_p2p_message')
def get_p2p_message(c):
    a, b = c.id(9), c.id(10)
    history(c, 'get_p2p_message', (a, b), 'send_message', (b,), a)
    mid, _ = c.send('send_message', 51, b, a, 'back', '')
    last = read_all(c, 'get_p2p_message', a, b)[-1]
    same('message', (last.message, last.message_id), ('back', mid))
    same('from and to', (last.from_uid, last.to_id), (b, a))
    same('from and to as the other one sees it',
         [(m.from_uid, m.to_id) for m in read_all(c, 'get_p2p_message', b, a)][-2:], [(a, b), (b, a)])


@row('get_group_message')
def get_group_message(c):
    a = c.id(1)
    gid = c.group(21, a)
    history(c, 'get_group_message', (a, gid), 'send_group_message', (gid,), a)


@row('get_room_message')
def get_room_message(c):
    a = c.id(1)
    rid = c.room(31, a)
    history(c, 'get_room_message', (a, rid), 'send_room_message', (rid,), a)


@row('get_broadcast_message')
def get_broadcast_message(c):
    history(c, 'get_broadcast_message', (c.id(1),), 'broadcast_message', (), c.id(1))


@row('histories without messages')
def empty_history(c):
    result, error = c.call('get_p2p_message', c.id(90), c.id(91), desc=False, num=10)
    ok(error)
    same('count and messages', (result.count, result.messages), (0, []))


# -- look-up and deletion -----------------------------------------------------

# kind: what sends, what follows the sender in it, what follows the sender in look-up and deletion
def kinds(c):
    a = c.id(1)
    return a, {
        'p2p': ('send_message', 'send_chat', (c.id(2),), (c.id(2),)),
        'group': ('send_group_message', 'send_group_chat', (c.group(22, a),), (c.id(22),)),
        'room': ('send_room_message', 'send_room_chat', (c.room(32, a),), (c.id(32),)),
        'broadcast': ('broadcast_message', 'broadcast_chat', (), ()),
    }


def lookup_row(kind, word):
    @row('get_%s_%s_info' % (kind, word))
    def lookup(c):
        a, all_kinds = kinds(c)
        send, chat, to, xid = all_kinds[kind]
        args = (a,) + to + (TEXT, '{}')
        mid, mtime = c.send(chat, *args) if word == 'chat' else c.send(send, 99, *args)
        method = 'get_%s_%s_info' % (kind, word)
        check_info(info(c, method, mid, a, *xid), 30 if word == 'chat' else 99, TEXT, '{}', mtime)
        fails(c.call(method, c.mid(), a, *xid)[1], 200070)

    @row('delete_%s_%s' % (kind, word))
    def delete(c):
        a, all_kinds = kinds(c)
        send, chat, to, xid = all_kinds[kind]
        args = (a,) + to + ('to be deleted', '')
        mid, _ = c.send(chat, *args) if word == 'chat' else c.send(send, 99, *args)
        ok(c.call('delete_%s_%s' % (kind, word), mid, a, *xid))
        fails(c.call('get_%s_%s_info' % (kind, word), mid, a, *xid)[1], 200070)
        fails(c.call('delete_%s_%s' % (kind, word), mid, a, *xid), 200070)


for kind in ('p2p', 'group', 'room', 'broadcast'):
    lookup_row(kind, 'message')


@row('get_message_info, delete_message')
def generic(c):
    a, b = c.id(1), c.id(2)
    mid, mtime = c.send('send_message', 51, a, b, 'generic', '')
    check_info(info(c, 'get_message_info', mid, a, b, 1), 51, 'generic', '', mtime)
    ok(c.call('delete_message', mid, a, b, 1))
    fails(c.call('get_message_info', mid, a, b, 1)[1], 200070)


@row('get_message_num')
def get_message_num(c):
    a, b = c.id(1), c.id(2)
    gid, rid = c.group(23, a, b), c.room(33, a, b)
    times = []
    for sender, mtype in ((a, 51), (a, 52), (b, 51)):
        times.append(c.send('send_group_message', mtype, sender, gid, 'counted', '')[1])
        c.send('send_room_message', mtype, sender, rid, 'counted', '')
        time.sleep(0.002)

    def count(*args, **kwargs):
        result, error = c.call('get_message_num', *args, **kwargs)
        ok(error)
        return result.sender, result.num

    same('senders and messages of the group', count(2, gid), (2, 3))
    same('... of the room', count(3, rid), (2, 3))
    same('... with mtypes', count(2, gid, mtypes=[52]), (1, 1))
    same('... from a time on', count(2, gid, begin=times[1]), (2, 2))
    same('... up to a time', count(2, gid, end=times[1]), (1, 2))
    same('... of no group', count(2, c.id(98)), (0, 0))


# -- chat and commands --------------------------------------------------------

def chat_row(method, mtype, kind):
    @row(method)
    def chat(c):
        a = c.id(1)
        others = [c.id(2), c.id(3)]
        to = {'p2p': (c.id(2),), 'list': (others,), 'broadcast': ()}.get(kind)
        if kind == 'group':
            to = (c.group(24, a),)
        elif kind == 'room':
            to = (c.room(34, a),)
        mid, mtime = c.send(method, a, *(to + (TEXT, '{"x":[]}')))
        if kind == 'list':
            for uid in others:
                check_info(info(c, 'get_p2p_chat_info', mid, a, uid), mtype, TEXT, '{"x":[]}', mtime)
        else:
            check_info(info(c, 'get_%s_chat_info' % kind, mid, a, *to), mtype, TEXT, '{"x":[]}', mtime)


for word, mtype in (('chat', 30), ('cmd', 32)):
    chat_row('send_' + word, mtype, 'p2p')
    chat_row('send_' + word + 's', mtype, 'list')
    chat_row('send_group_' + word, mtype, 'group')
    chat_row('send_room_' + word, mtype, 'room')
    chat_row('broadcast_' + word, mtype, 'broadcast')
for kind in ('p2p', 'group', 'room', 'broadcast'):
    lookup_row(kind, 'chat')


def chat_history_row(kind):
    @row('get_%s_chat' % kind)
    def chat_history(c):
        a, all_kinds = kinds(c)
        send, chat, to, _ = all_kinds[kind]
        xid = to
        if kind == 'p2p':
            xid = to = (c.id(11),)
        chats = [c.send(chat, a, *(to + ('chat %d' % i, '')))[0] for i in range(3)]
        other = c.send(send, 51, a, *(to + ('no chat', '')))[0]
        mids = [m.message_id for m in read_all(c, 'get_%s_chat' % kind, a, *xid)]
        same('the chats', [m for m in mids if m in chats], chats)
        expect(other not in mids, 'a message that is no chat is among the chats')


for kind in ('p2p', 'group', 'room', 'broadcast'):
    chat_history_row(kind)


# -- groups, rooms, bans, blacklist -------------------------------------------

def value(c, method, *args):
    result, error = c.call(method, *args)
    ok(error)
    return result


@row('add_group_members, get_group_members')
def members(c):
    gid, uids = c.id(40), [c.id(1), c.id(2), c.id(3)]
    same('members of no group', value(c, 'get_group_members', gid), [])
    ok(c.call('add_group_members', gid, uids[:2]))
    ok(c.call('add_group_members', gid, uids[1:]))
    same('members', sorted(value(c, 'get_group_members', gid)), uids)
    fails(c.call('add_group_members', gid, []), 200033)
    fails(c.call('add_group_members', gid, [c.id(50) + i for i in range(101)]), 200032)


@row('is_group_member')
def is_member(c):
    gid = c.group(41, c.id(1))
    same('a member', value(c, 'is_group_member', gid, c.id(1)), True)
    same('no member', value(c, 'is_group_member', gid, c.id(2)), False)


@row('delete_group_members')
def delete_members(c):
    gid = c.group(42, c.id(1), c.id(2), c.id(3))
    ok(c.call('delete_group_members', gid, [c.id(1), c.id(2)]))
    same('members', value(c, 'get_group_members', gid), [c.id(3)])
    fails(c.call('send_group_message', 51, c.id(1), gid, 'x', '', mid=c.mid())[2], 200041)
    c.send('send_group_message', 51, c.id(3), gid, 'x', '')


@row('delete_group')
def delete_group(c):
    gid = c.group(43, c.id(1), c.id(2))
    ok(c.call('delete_group', gid))
    same('members', value(c, 'get_group_members', gid), [])
    fails(c.call('send_group_message', 51, c.id(1), gid, 'x', '', mid=c.mid())[2], 200041)


@row('get_user_groups')
def user_groups(c):
    uid = c.id(12)
    same('groups', value(c, 'get_user_groups', uid), [])
    groups = [c.group(44, uid), c.group(45, uid)]
    same('groups', sorted(value(c, 'get_user_groups', uid)), groups)


@row('add_room_member, get_room_members')
def room_members(c):
    rid = c.id(46)
    same('members of no room', value(c, 'get_room_members', rid), [])
    c.room(46, c.id(1), c.id(2))
    same('members', sorted(value(c, 'get_room_members', rid)), [c.id(1), c.id(2)])
    fails(c.call('send_room_message', 51, c.id(3), rid, 'x', '', mid=c.mid())[2], 200040)


@row('delete_room_member')
def delete_room_member(c):
    rid = c.room(47, c.id(1), c.id(2))
    ok(c.call('delete_room_member', rid, c.id(1)))
    same('members', value(c, 'get_room_members', rid), [c.id(2)])
    fails(c.call('send_room_message', 51, c.id(1), rid, 'x', '', mid=c.mid())[2], 200040)


@row('get_room_count')
def room_count(c):
    c.room(48, c.id(1), c.id(2))
    c.room(49, c.id(1))
    same('numbers of members', value(c, 'get_room_count', [c.id(48), c.id(49)]), {c.id(48): 2, c.id(49): 1})


def ban_rows(what, code):
    add, remove, check = 'add_%s_ban' % what, 'remove_%s_ban' % what, 'is_ban_of_%s' % what

    def place(c, n, *uids):
        return c.group(n, *uids) if what == 'group' else c.room(n, *uids)

    def error_of_send(c, uid, xid):
        return c.call('send_%s_message' % what, 51, uid, xid, 'x', '', mid=c.mid())[2]

    first = 60 if what == 'group' else 64

    @row('%s, %s, %s' % (add, check, remove))
    def ban(c):
        uid, other = c.id(13), c.id(14)
        xid, elsewhere = place(c, first, uid, other), place(c, first + 1, uid)
        same('banned', value(c, check, xid, uid), False)
        ok(c.call(add, xid, uid, 100))
        same('banned', value(c, check, xid, uid), True)
        same('the other one is', value(c, check, xid, other), False)
        same('elsewhere', value(c, check, elsewhere, uid), False)
        fails(error_of_send(c, uid, xid), code)
        ok(error_of_send(c, other, xid))
        ok(error_of_send(c, uid, elsewhere))
        ok(c.call(remove, xid, uid))
        same('banned', value(c, check, xid, uid), False)
        ok(error_of_send(c, uid, xid))

    @row('%s, everywhere' % add)
    def ban_everywhere(c):
        uid = c.id(15)
        xid = place(c, first + 2, uid)
        ok(c.call(add, None, uid, 100))
        same('banned', value(c, check, xid, uid), True)
        fails(error_of_send(c, uid, xid), code)
        ok(c.call(remove, None, uid))
        same('banned', value(c, check, xid, uid), False)
        ok(error_of_send(c, uid, xid))

    @row('%s, one second' % add)
    def ban_ends(c):
        uid = c.id(16)
        xid = place(c, first + 3, uid)
        ok(c.call(add, xid, uid, 1))
        fails(error_of_send(c, uid, xid), code)
        limit = time.time() + TIMEOUT
        while value(c, check, xid, uid):
            expect(time.time() < limit, 'the ban never ends')
            time.sleep(0.05)
        ok(error_of_send(c, uid, xid))


ban_rows('group', 200044)
ban_rows('room', 200045)


@row('add_project_black, is_..., remove_...')
def project_black(c):
    uid, other = c.id(17), c.id(18)
    same('black', value(c, 'is_project_black', uid), False)
    ok(c.call('add_project_black', uid, 100))
    same('black', value(c, 'is_project_black', uid), True)
    same('the other one is', value(c, 'is_project_black', other), False)
    _, _, error = c.call('send_message', 51, uid, other, 'x', '', mid=c.mid())
    expect(code_of(error) in (200024, 200049), 'a user on the blacklist sends: error %s' % code_of(error))
    ok(c.call('remove_project_black', uid))
    same('black', value(c, 'is_project_black', uid), False)
    c.send('send_message', 51, uid, other, 'x', '')


# -- listening ----------------------------------------------------------------

def listener(c):
    pushes = Pushes()
    client = c.connect(pushes.monitor)
    client.listening_pushes = pushes     # keeps it alive as long as the client
    return client, pushes


def check_push(message, sender, to, mtype, mid, msg, attrs, mtime):
    same('sender', message.from_uid, sender)
    same('recipient', message.to_id, to)
    same('mtype', message.message_type, mtype)
    same('mid', message.message_id, mid)
    same('message', message.message, msg)
    same('attrs', message.attrs, attrs)
    same('mtime', message.modified_time, mtime)


@row('add_listen, push_message')
def listen_p2p(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('add_listen', uids=[a], client=client))
    mid, mtime = c.send('send_message', 51, a, b, TEXT, '{"k":1}')
    check_push(pushes.wait('push_message', mid), a, b, 51, mid, TEXT, '{"k":1}', mtime)
    pushes.once(mid)
    mid, _ = c.send('send_message', 51, c.id(72), c.id(73), 'of others', '')
    pushes.none(mid)


@row('push_message, binary')
def listen_binary(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('add_listen', uids=[a], client=client))
    mid, mtime = c.send('send_message', 51, a, b, BINARY, '')
    check_push(pushes.wait('push_message', mid), a, b, 51, mid, BINARY, '', mtime)


@row('add_listen, push_group_message')
def listen_group(c):
    client, pushes = listener(c)
    a = c.id(1)
    gid, other = c.group(74, a), c.group(75, a)
    ok(c.call('add_listen', gids=[gid], client=client))
    mid, mtime = c.send('send_group_message', 51, a, gid, TEXT, '')
    check_push(pushes.wait('push_group_message', mid), a, gid, 51, mid, TEXT, '', mtime)
    pushes.once(mid)
    mid, _ = c.send('send_group_message', 51, a, other, 'elsewhere', '')
    pushes.none(mid)


@row('add_listen, push_room_message')
def listen_room(c):
    client, pushes = listener(c)
    a = c.id(1)
    rid, other = c.room(76, a), c.room(77, a)
    ok(c.call('add_listen', rids=[rid], client=client))
    mid, mtime = c.send('send_room_message', 51, a, rid, TEXT, '')
    check_push(pushes.wait('push_room_message', mid), a, rid, 51, mid, TEXT, '', mtime)
    pushes.once(mid)
    mid, _ = c.send('send_room_message', 51, a, other, 'elsewhere', '')
    pushes.none(mid)


@row('add_listen, events')
def listen_events(c):
    client, _ = listener(c)
    ok(c.call('add_listen', events=['login', 'logout'], client=client))
    ok(c.call('remove_listen', events=['login'], client=client))


@row('ping')
def ping(c):
    """The gate asks whether we are there; the SDK answers, and the connection lives on."""
    client, pushes = listener(c)
    ok(c.call('set_all_listen', p2p=False, group=False, room=False, ev=False, client=client))
    with pushes.changed:
        expect(pushes.changed.wait_for(lambda: 'ping' in [n for (n, m) in pushes.list], TIMEOUT), 'no ping came')
    ok(c.call('set_all_listen', p2p=False, group=False, room=False, ev=False, client=client))


@row('remove_listen')
def remove_listen(c):
    client, pushes = listener(c)
    a = c.id(1)
    gid = c.group(78, a)
    ok(c.call('add_listen', gids=[gid], uids=[c.id(70)], client=client))
    ok(c.call('remove_listen', gids=[gid], client=client))
    gone, _ = c.send('send_group_message', 51, a, gid, 'nobody listens', '')
    mid, _ = c.send('send_message', 51, c.id(70), c.id(71), 'still listened to', '')
    pushes.wait('push_message', mid)
    pushes.none(gone)


@row('set_listen')
def set_listen(c):
    client, pushes = listener(c)
    a = c.id(1)
    first, second = c.group(79, a), c.group(80, a)
    ok(c.call('add_listen', gids=[first], client=client))
    ok(c.call('set_listen', gids=[second], client=client))
    gone, _ = c.send('send_group_message', 51, a, first, 'replaced', '')
    mid, _ = c.send('send_group_message', 51, a, second, 'set', '')
    pushes.wait('push_group_message', mid)
    pushes.none(gone)


@row('set_all_listen')
def set_all_listen(c):
    client, pushes = listener(c)
    a, b = c.id(1), c.id(2)
    gid, rid = c.group(81, a), c.room(82, a)
    ok(c.call('set_all_listen', p2p=True, group=True, room=True, ev=True, client=client))
    p2p, _ = c.send('send_message', 51, a, b, 'all p2p', '')
    group, _ = c.send('send_group_message', 51, a, gid, 'all groups', '')
    room, _ = c.send('send_room_message', 51, a, rid, 'all rooms', '')
    pushes.wait('push_message', p2p)
    pushes.wait('push_group_message', group)
    pushes.wait('push_room_message', room)
    ok(c.call('set_all_listen', p2p=False, group=True, room=False, ev=False, client=client))
    gone, _ = c.send('send_message', 51, a, b, 'no p2p any more', '')
    group, _ = c.send('send_group_message', 51, a, gid, 'groups still', '')
    pushes.wait('push_group_message', group)
    pushes.none(gone)


@row('set_all_listen keeps set_listen and back')
def both_forms(c):
    """After a lost connection the SDK sends one after the other."""
    client, pushes = listener(c)
    a = c.id(1)
    gid, rid = c.group(83, a), c.room(84, a)
    ok(c.call('set_all_listen', p2p=False, group=True, room=False, ev=False, client=client))
    ok(c.call('set_listen', rids=[rid], client=client))
    group, _ = c.send('send_group_message', 51, a, gid, 'all groups', '')
    room, _ = c.send('send_room_message', 51, a, rid, 'this room', '')
    pushes.wait('push_group_message', group)
    pushes.wait('push_room_message', room)
    ok(c.call('set_all_listen', p2p=False, group=True, room=False, ev=False, client=client))
    room, _ = c.send('send_room_message', 51, a, rid, 'this room still', '')
    pushes.wait('push_room_message', room)


@row('two forms that both match: pushed once')
def listen_twice(c):
    client, pushes = listener(c)
    a = c.id(1)
    gid = c.group(85, a)
    ok(c.call('set_all_listen', group=True, client=client))
    ok(c.call('add_listen', gids=[gid], client=client))
    mid, _ = c.send('send_group_message', 51, a, gid, 'once', '')
    pushes.wait('push_group_message', mid)
    pushes.once(mid)


@row('send_messages: a push for each recipient')
def listen_list(c):
    client, pushes = listener(c)
    a, others = c.id(70), [c.id(71), c.id(72), c.id(73)]
    ok(c.call('add_listen', uids=[a], client=client))
    mid, _ = c.send('send_messages', 51, a, others, 'to all', '')
    with pushes.changed:
        pushes.changed.wait_for(lambda: len(pushes.of('push_message', mid)) >= 3, TIMEOUT)
    same('recipients', sorted(m.to_id for m in pushes.of('push_message', mid)), others)


@row('refused sends are not pushed')
def listen_refused(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('add_listen', uids=[a], client=client))
    refused = c.mid()
    fails(c.call('send_message', 0, a, b, 'refused', '', mid=refused)[2], 200005)
    mid, _ = c.send('send_message', 51, a, b, 'once', '')
    fails(c.call('send_message', 51, a, b, 'again', '', mid=mid)[2], 200053)
    pushes.wait('push_message', mid)
    pushes.none(refused)
    same('pushes of the repeated one', len(pushes.any_of(mid)), 1)


def chat_push_row(method, push, mtype, kind):
    @row('push_' + push)
    def chat_push(c):
        client, pushes = listener(c)
        a = c.id(1)
        to = c.group(86, a) if kind == 'group' else c.room(87, a) if kind == 'room' else c.id(2)
        ok(c.call('set_all_listen', p2p=True, group=True, room=True, client=client))
        mid, mtime = c.send(method, a, to, TEXT, 'attrs')
        check_push(pushes.wait('push_' + push, mid), a, to, mtype, mid, TEXT, 'attrs', mtime)


for word, mtype in (('chat', 30), ('cmd', 32)):
    chat_push_row('send_' + word, word, mtype, 'p2p')
    chat_push_row('send_group_' + word, 'group_' + word, mtype, 'group')
    chat_push_row('send_room_' + word, 'room_' + word, mtype, 'room')


@row('push_file')
def push_file(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('add_listen', uids=[a], client=client))
    mid, _ = c.send('send_message', 40, a, b, '{"url":"http://x/y","size":17}', '{"rtm":{},"custom":"mine"}')
    message = pushes.wait('push_file', mid)
    same('url and size', (message.file_info.url, message.file_info.size), ('http://x/y', 17))


@row('500 pushes, each once, complete')
def many_pushes(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('add_listen', uids=[a], client=client))
    mids, waiting = [], []
    for i in range(500):
        waiting.append(callback_for('send_message'))
        mids.append(c.mid())
        c.client.send_message(51, a, b, 'push %d' % i, '', mid=mids[-1], callback=waiting[-1])
    for callback in waiting:
        expect(callback.done.wait(TIMEOUT), 'no answer')
        ok(callback.calls[0][2])
    with pushes.changed:
        pushes.changed.wait_for(lambda: len(pushes.list) >= 500, TIMEOUT)
    same('mids of what was pushed', sorted(m.message_id for (n, m) in pushes.list if n == 'push_message'), mids)


def break_line(client):
    """The connection is lost as by a cable pulled out; the SDK reconnects."""
    client.client.current_connection.socket.shutdown(socket.SHUT_RDWR)


def listens_again(c, pushes, a, b):
    limit = time.time() + TIMEOUT / 2
    while time.time() < limit:
        mid, _ = c.send('send_message', 51, a, b, 'after reconnecting', '')
        with pushes.changed:
            if pushes.changed.wait_for(lambda: pushes.of('push_message', mid), 0.5):
                return True
    return False


@row('set_all_listen, restored when reconnected')
def reconnected_all(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('set_all_listen', p2p=True, group=False, room=False, ev=False, client=client))
    break_line(client)
    expect(listens_again(c, pushes, a, b), 'nothing is pushed after the SDK reconnected')


@row('set_listen, restored when reconnected')
def reconnected_set(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('set_listen', gids=[], rids=[], uids=[a], events=[], client=client))
    break_line(client)
    expect(listens_again(c, pushes, a, b), 'nothing is pushed after the SDK reconnected')


@row('add_listen, restored when reconnected')
def reconnected_add(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('add_listen', uids=[a], client=client))
    expect(isinstance(client.listen_status_info.user_ids, set), 'the SDK keeps something else than a set')
    break_line(client)
    if not listens_again(c, pushes, a, b):
        raise SdkBug('it sends a Python set again, which msgpack cannot pack')


# -- the rest of the service --------------------------------------------------

@row('get_token, remove_token, kickout, get_online_users')
def tokens(c):
    uid = c.id(90)
    expect(value(c, 'get_token', uid), 'the token is empty')
    ok(c.call('remove_token', uid))
    ok(c.call('kickout', uid))
    same('users online', value(c, 'get_online_users', [uid]), [])


@row('set_user_info, get_user_info, get_user_open_info')
def user_info(c):
    uid = c.id(91)
    ok(c.call('set_user_info', uid, 'open', 'private'))
    ok(c.call('set_user_info', uid, 'more open'))
    oinfo, pinfo, error = c.call('get_user_info', uid)
    ok(error)
    same('infos', (oinfo, pinfo), ('more open', 'private'))
    same('open info', value(c, 'get_user_open_info', [uid, c.id(92)]), {str(uid): 'more open'})


@row('set_group_info, get_group_info; of rooms')
def place_info(c):
    for kind in ('group', 'room'):
        ok(c.call('set_%s_info' % kind, c.id(93), 'open', 'private'))
        oinfo, pinfo, error = c.call('get_%s_info' % kind, c.id(93))
        ok(error)
        same('infos', (oinfo, pinfo), ('open', 'private'))


def list_rows(plural, single, check, checks):
    @row('add_%s, get_%s, %s, %s, delete_%s' % (plural, plural, check, checks, plural))
    def lists(c):
        uid, a, b = c.id(94), c.id(95), c.id(96)
        ok(c.call('add_' + plural, uid, [a, b]))
        same(plural, sorted(value(c, 'get_' + plural, uid)), [a, b])
        ok(c.call('delete_' + plural, uid, [b]))
        same(single, [value(c, check, uid, a), value(c, check, uid, b)], [True, False])
        same(plural, value(c, checks, uid, [a, b]), [a])
        ok(c.call('delete_' + plural, uid, [a]))


list_rows('friends', 'friend', 'is_friend', 'is_friends')
list_rows('blacks', 'black', 'is_black', 'is_blacks')


@row('a user on the blacklist of another: 200049')
def black(c):
    uid, other = c.id(97), c.id(98)
    ok(c.call('add_blacks', uid, [other]))
    fails(c.call('send_message', 51, other, uid, 'x', '', mid=c.mid())[2], 200049)
    c.send('send_message', 51, uid, other, 'x', '')
    ok(c.call('delete_blacks', uid, [other]))
    c.send('send_message', 51, other, uid, 'x', '')


@row('data_set, data_get, data_delete')
def data(c):
    uid = c.id(91)
    ok(c.call('data_set', uid, 'colour', TEXT))
    same('value', value(c, 'data_get', uid, 'colour'), TEXT)
    ok(c.call('data_delete', uid, 'colour'))
    expect(not value(c, 'data_get', uid, 'colour'), 'a value that was deleted is there')


@row('add_device, remove_device, ..._device_push_option')
def devices(c):
    uid = c.id(91)
    ok(c.call('add_device', uid, 'fcm', 'token'))
    ok(c.call('remove_device', uid, 'token'))
    ok(c.call('add_device_push_option', uid, 1, 7, [51, 52]))
    ok(c.call('add_device_push_option', uid, 0, 8))
    ok(c.call('remove_device_push_option', uid, 1, 7, [51]))
    results = c.call('get_device_push_option', uid)
    ok(results[-1])
    same('options', [{str(k): v for k, v in part.items()} for part in (results[0].p2p, results[0].group)],
         [{'8': [0]}, {'7': [52]}])


@row('clear_user_message')
def clear_user(c):
    mid, _ = c.send('send_message', 51, c.id(89), c.id(1), 'x', '')
    ok(c.call('clear_user_message', c.id(89)))
    fails(c.call('get_p2p_message_info', mid, c.id(89), c.id(1))[1], 200070)


@row('translate: 20004')
def not_here(c):
    fails(c.call('translate', 'hello', 'zh-CN')[1], 20004)


@row('wrong secret: 200002, unknown project: 200001')
def wrong_secret(c):
    client = c.connect()
    client.secret = 'wrong'
    fails(c.call('send_message', 51, c.id(1), c.id(2), 'x', '', client=client)[2], 200002)
    client.pid, client.secret = 4711, c.args.secret
    fails(c.call('send_message', 51, c.id(1), c.id(2), 'x', '', client=client)[2], 200001)


# -- curves -------------------------------------------------------------------

def try_curve(args, bits, mode):
    c = Column(args, True, mode, args.curve, bits)
    send_message(c)
    listen_curve(c)


def curve_rows(args, report):
    """Each in a process of its own: when its key is refused, the SDK locks itself up."""
    for bits in (128, 256):
        for mode in (SYNC, CALLBACK):
            def check(bits=bits, mode=mode):
                argv = sys.argv[:7] + ['one', args.curve, str(bits), mode]
                process = subprocess.Popen([sys.executable, '-B', '-W', 'ignore'] + argv,
                                           stdout=subprocess.PIPE, universal_newlines=True)
                try:
                    out = process.communicate(timeout=2 * TIMEOUT)[0]
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    out = 'no answer in %d seconds' % (2 * TIMEOUT)
                if out.strip() == 'ok':
                    return
                if args.curve in ('secp224r1', 'secp192r1'):
                    raise SdkBug('pads the coordinates of its key to 32 bytes, which is no key of this curve; '
                                 'refused, it locks itself up (%s)' % out.strip())
                raise Mismatch(out.strip() or 'died')
            report('%s, %d bits' % (args.curve, bits), 'encrypted ' + mode, check)


def listen_curve(c):
    client, pushes = listener(c)
    a, b = c.id(70), c.id(71)
    ok(c.call('set_all_listen', p2p=True, client=client))
    mid, mtime = c.send('send_message', 51, a, b, TEXT, '')
    check_push(pushes.wait('push_message', mid), a, b, 51, mid, TEXT, '', mtime)


# -- main ---------------------------------------------------------------------

class Args(object):
    def __init__(self, argv):
        self.sdk, self.host, self.port, self.pid, self.secret, self.pem, self.columns, self.curve = argv[1:9]
        self.port, self.pid = int(self.port), int(self.pid)


def report(name, column, function):
    remark = ''
    try:
        function()
        result = 'ok'
    except SdkBug as e:
        result, remark = 'SDK', str(e)
    except Mismatch as e:
        result, remark = 'FAILED', str(e)
    except Exception as e:          # the SDK, or what it was given, fell over
        result, remark = 'FAILED', '%s: %s' % (type(e).__name__, e)
    print('\t'.join([name, column, result, remark.replace('\t', ' ').replace('\n', ' ')]), flush=True)


def main():
    args = Args(sys.argv)
    sys.path.insert(0, args.sdk)
    global rtm
    rtm = importlib.import_module('rtm')
    if args.columns == 'curve':
        curve_rows(args, report)
    elif args.columns == 'one':
        try:
            try_curve(args, int(sys.argv[9]), sys.argv[10])
            print('ok')
        except Mismatch as e:
            print(e)
    else:
        only = os.environ.get('INTEROP_ROW')
        for encrypted in (False, True):
            for mode in (SYNC, CALLBACK):
                c = Column(args, encrypted, mode)
                for name, function in ROWS:
                    if only is None or only in name:
                        report(name, c.name, lambda: function(c))
                c.close()
    sys.stdout.flush()
    os._exit(0)         # the SDK's threads never end


if __name__ == '__main__':
    main()
