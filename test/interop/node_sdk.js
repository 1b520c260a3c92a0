'use strict';
/*
 * Drives the vendor's Node.js server SDK against a gate.
 *
 *	node node_sdk.js SDK HOST PORT PID SECRET PEM COLUMNS CURVE
 *
 * SDK is its folder, with node_modules in it; PEM the gate's public key; COLUMNS
 * "all", or "curve" for the few rows that are run again for each curve.  Prints
 * a line for each row and column, as table.pl reads it.
 */
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const [sdk, host, port, pid, secret, pem, columns, curve] = process.argv.slice(2);
const Int64BE = require(path.join(sdk, 'node_modules/int64-buffer')).Int64BE;
const RTMServerClient = require(path.join(sdk, 'src/rtm/RTMServerClient'));

const TIMEOUT = 10000;      // milliseconds that a call or a push may take
const GRACE = 300;          // in which something that must not come would have come

// The gate did something else than the SDK or its documents expect.
class Mismatch extends Error {}

// The SDK itself is in the way; says how.
class SdkBug extends Error {}

function expect(good, text) {
    if (!good) {
        throw new Mismatch(text);
    }
}

// Numbers of any kind as text, so that they can be compared.
function plain(value) {
    if (value && typeof value.toNumber === 'function') {
        return value.toString(10);
    }
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    return typeof value === 'number' ? String(value) : value;
}

function same(what, got, want) {
    const [a, b] = [JSON.stringify(plain(got)), JSON.stringify(plain(want))];

    expect(a === b, `${what} is ${String(a).slice(0, 300)}, not ${String(b).slice(0, 300)}`);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(condition, ms) {
    for (const end = Date.now() + ms; Date.now() < end; await pause(5)) {
        if (condition()) {
            return true;
        }
    }
    return condition();
}

// what a call of the SDK came to: {code, data}
function call(client, method, ...args) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Mismatch(`the callback of ${method} was never called`)), TIMEOUT + 2000);

        client[method](...args, TIMEOUT, (error, data) => {
            clearTimeout(timer);
            resolve({code: error ? error.code || (error.error && error.error.code) || String(error) : 0, data});
        });
    });
}

// What a listening client was told.
class Pushes {
    constructor(client) {
        this.list = [];
        for (const name of ['pushmsg', 'pushgroupmsg', 'pushroommsg', 'pushchat', 'pushgroupchat', 'pushroomchat',
            'pushcmd', 'pushgroupcmd', 'pushroomcmd', 'pushfile', 'pushgroupfile', 'pushroomfile', 'ping']) {
            client.processor.addPushService(name, (message) => this.list.push({name, message}));
        }
    }

    of(mid) {
        return this.list.filter((p) => p.name !== 'ping' && plain(p.message.messageId) === plain(mid));
    }

    async wait(name, mid) {
        await until(() => this.of(mid).length > 0, TIMEOUT);
        const found = this.of(mid).filter((p) => p.name === name);

        expect(found.length > 0, `${name} did not come; of this message came: ${this.of(mid).map((p) => p.name) || 'nothing'}`);
        return found[0].message;
    }

    async count(mid, want) {
        await pause(GRACE);
        same('number of pushes', this.of(mid).length, want);
    }
}

let number = 0;

// One column of the table: a way to connect.
class Column {
    constructor(name, options) {
        this.name = name;
        this.options = options;
        // nothing that a column makes is seen by another one or by another run
        this.base = BigInt(Math.floor(Date.now() / 1000) % 100000) * 1000000n +
            BigInt(process.pid % 1000 * 1000 + ++number * 100);
        // below 2^53, since the SDK rounds what it receives beyond, see the row about that
        this.lastMid = (BigInt(Date.now()) << 11n);
        this.clients = [];
    }

    id(n) {
        return new Int64BE(String(this.base + BigInt(n)), 10);
    }

    mid() {
        return new Int64BE(String(++this.lastMid), 10);
    }

    // connected, with Pushes in client.pushes
    async connect(overrides) {
        const client = new RTMServerClient(Object.assign({
            pid: Number(pid), secret, host, port: Number(port), reconnect: true, timeout: TIMEOUT, debug: false
        }, overrides));
        let connected = false;

        this.clients.push(client);
        client.on('err', () => {});
        client.on('connect', () => { connected = true; });
        client.pushes = new Pushes(client);
        client.connect(this.options ? publicPoint() : null, this.options);
        expect(await until(() => connected, TIMEOUT / 2), 'no connection');
        return client;
    }

    async ok(method, ...args) {
        const {code, data} = await call(this.client, method, ...args);

        same('the error', code, 0);
        return data;
    }

    async fails(wanted, method, ...args) {
        same('the error', (await call(this.client, method, ...args)).code, wanted);
    }

    // a send with a mid of ours: {mid, mtime}
    async send(method, ...args) {
        const mid = this.mid();
        const data = await this.ok(method, ...args, mid);

        same('the mid', data.mid, mid);
        expect(Math.abs(Number(plain(data.mtime)) - Date.now()) < 60000, 'mtime is not the time in milliseconds');
        return data;
    }

    async group(n, ...uids) {
        await this.ok('addGroupMembers', this.id(n), uids);
        return this.id(n);
    }

    async room(n, ...uids) {
        for (const uid of uids) {
            await this.ok('addRoomMember', this.id(n), uid);
        }
        return this.id(n);
    }

    close() {
        this.clients.forEach((c) => c.destroy());
    }
}

// The SDK takes the bare point of the curve, not a PEM.
function publicPoint() {
    return crypto.createPublicKey(fs.readFileSync(pem)).export({format: 'der', type: 'spki'}).subarray(-65);
}

const rows = [];
const row = (name, check) => rows.push([name, check]);

// -- messages ----------------------------------------------------------------

const TEXT = 'h\u00e9llo \u4f60\u597d \u{1f600} "\\\n\u0001';
const KINDS = {P2P: 1, Group: 2, Room: 3, Broadcast: 4};
const SEND = {P2P: 'sendMessage', Group: 'sendGroupMessage', Room: 'sendRoomMessage', Broadcast: 'broadcastMessage'};
const DELETE = {P2P: 'deleteMessage', Group: 'deleteGroupMessage', Room: 'deleteRoomMessage', Broadcast: 'deleteBroadcastMessage'};

// where user 1 of the column sends a message of that kind: nothing for a broadcast
async function place(c, kind, n) {
    return kind === 'P2P' ? [c.id(n)] : kind === 'Group' ? [await c.group(n, c.id(1))] :
        kind === 'Room' ? [await c.room(n, c.id(1))] : [];
}

async function checkInfo(c, method, kind, mid, xid, mtype, msg, attrs, mtime) {
    const m = await c.ok(method, mid, c.id(1), xid.length ? xid[0] : new Int64BE(0), KINDS[kind]);

    same('mtype, message, attrs, mtime', [m.messageType, m.message, m.attrs, m.modifiedTime], [mtype, msg, attrs, mtime]);
    expect(Number(plain(m.cursorId)) > 0, 'no cursor id');
}

// every page, by the cursor that the last one gave
async function readAll(c, method, ids, desc, num, mtypes) {
    let [begin, end, lastid] = [new Int64BE(0), new Int64BE(0), new Int64BE(0)];
    const all = [];

    for (;;) {
        const args = [...ids, desc, num, begin, end, lastid];
        const page = await c.ok(method, ...args, ...(method.endsWith('Chat') ? [] : [mtypes]));

        same('count', page.count, page.messages.length);
        if (page.count === 0) {
            return all;
        }
        all.push(...page.messages);
        expect(plain(page.lastCursorId) !== plain(lastid), 'the cursor stands still');
        [begin, end, lastid] = [page.beginMsec, page.endMsec, page.lastCursorId];
    }
}

for (const kind of Object.keys(KINDS)) {
    row(SEND[kind], async (c) => {
        const to = await place(c, kind, 20 + KINDS[kind]);
        const {mid, mtime} = await c.send(SEND[kind], c.id(1), ...to, 51, TEXT, '{"k":1}');

        await checkInfo(c, 'getMessage', kind, mid, to, 51, TEXT, '{"k":1}', mtime);
        await c.fails(200053, SEND[kind], c.id(1), ...to, 51, 'again', '', mid);
    });
    row(`get${kind}Message`, async (c) => {
        const to = await place(c, kind, 25 + KINDS[kind]);
        const sent = [];

        for (const [i, mtype] of [51, 52, 51, 60, 51, 52, 51].entries()) {
            const {mid, mtime} = await c.send(SEND[kind], c.id(1), ...to, mtype, `message ${i} ${TEXT}`, `attrs ${i}`);

            sent.push([mid, mtype, `message ${i} ${TEXT}`, `attrs ${i}`, mtime]);
            await pause(2);
        }
        const mids = sent.map((s) => plain(s[0]));
        const ours = (messages) => messages.filter((m) => mids.includes(plain(m.messageId)))
            .map((m) => [m.messageId, m.messageType, m.message, m.attrs, m.modifiedTime]);
        const method = `get${kind}Message`;
        const ids = [c.id(1), ...to];

        const forward = await readAll(c, method, ids, false, 3);
        same('forwards', ours(forward), sent);
        if (kind !== 'P2P') {
            same('sender', forward.filter((m) => mids.includes(plain(m.messageId)))[0].fromUid, c.id(1));
        }
        same('backwards', ours(await readAll(c, method, ids, true, 3)), sent.slice().reverse());
        same('with mtypes', ours(await readAll(c, method, ids, false, 20, [52, 60])), sent.filter((s) => s[1] !== 51));
        const page = await c.ok(method, ...ids, false, 20, sent[2][4], sent[4][4], new Int64BE(0), undefined);
        same('from begin to end', ours(page.messages), sent.slice(2, 5));
    });
    row(`getMessage, ${DELETE[kind]}`, async (c) => {
        const to = await place(c, kind, 20 + KINDS[kind]);
        const {mid, mtime} = await c.send(SEND[kind], c.id(1), ...to, 99, TEXT, '');

        await checkInfo(c, 'getMessage', kind, mid, to, 99, TEXT, '', mtime);
        await c.ok(DELETE[kind], mid, c.id(1), ...to);
        await c.fails(200070, 'getMessage', mid, c.id(1), to.length ? to[0] : new Int64BE(0), KINDS[kind]);
        await c.fails(200070, DELETE[kind], mid, c.id(1), ...to);
    });
}

row('sender of P2P messages', async (c) => {
    await c.send('sendMessage', c.id(9), c.id(10), 51, 'there', '');
    await c.send('sendMessage', c.id(10), c.id(9), 51, 'back', '');
    const senders = (await readAll(c, 'getP2PMessage', [c.id(9), c.id(10)], false, 20)).map((m) => plain(m.fromUid));

    if (senders.every((s) => s === plain(c.id(10)))) {
        throw new SdkBug('it compares the direction with ==, which is never true of two objects');
    }
    same('senders', senders, [c.id(9), c.id(10)]);
});

row('sendMessages', async (c) => {
    const others = [c.id(3), c.id(4), c.id(5)];
    const {mid, mtime} = await c.send('sendMessages', c.id(1), others, 53, TEXT, 'attrs');

    for (const uid of others) {
        await checkInfo(c, 'getMessage', 'P2P', mid, [uid], 53, TEXT, 'attrs', mtime);
    }
    await c.fails(200033, 'sendMessages', c.id(1), [], 53, 'x', '', c.mid());
});

row('sendMessage, errors', async (c) => {
    const send = (from, to, mtype, msg, attrs) => ['sendMessage', from, to, mtype, msg, attrs, c.mid()];

    await c.fails(200005, ...send(c.id(1), c.id(2), 0, 'x', ''));
    await c.fails(200052, ...send(c.id(1), c.id(1), 51, 'x', ''));
    await c.fails(200030, ...send(c.id(1), c.id(2), 51, 'x'.repeat(20481), ''));
    await c.fails(200030, ...send(c.id(1), c.id(2), 51, 'x', 'x'.repeat(2049)));
    await c.fails(10010, ...send('nobody', c.id(2), 51, 'x', ''));
    await c.send('sendMessage', c.id(1), c.id(2), 51, 'x'.repeat(20480), 'x'.repeat(2048));
});

row('sendMessage, a mid of the SDK', async (c) => {
    const data = await c.ok('sendMessage', c.id(1), c.id(2), 51, 'own mid', '', new Int64BE(0));

    await checkInfo(c, 'getMessage', 'P2P', data.mid, [c.id(2)], 51, 'own mid', '', data.mtime);
});

row('ids above 2^53 in answers', async (c) => {
    const mid = new Int64BE(String((1n << 53n) + 2n * BigInt(Date.now()) + 1n), 10);
    const {mtime} = await c.ok('sendMessage', c.id(1), c.id(12), 51, 'big mid', '', mid);

    await checkInfo(c, 'getMessage', 'P2P', mid, [c.id(12)], 51, 'big mid', '', mtime);
    const [got] = (await readAll(c, 'getP2PMessage', [c.id(1), c.id(12)], false, 20)).map((m) => m.messageId);
    if (plain(got) === plain(new Int64BE(mid))) {
        throw new SdkBug('it rounds them to a double: new Int64BE() of an Int64BE');
    }
    same('the mid', got, mid);
});

row('100 sends at once', async (c) => {
    const answers = await Promise.all(Array.from({length: 100}, (_, i) =>
        call(c.client, 'sendMessage', c.id(7), c.id(8), 51, `number ${i}`, '', c.mid())));

    same('errors', answers.filter((a) => a.code !== 0).map((a) => a.code), []);
    same('number of messages', (await readAll(c, 'getP2PMessage', [c.id(7), c.id(8)], false, 20)).length, 100);
});

row('getMessageNum', async (c) => {
    const gid = await c.group(40, c.id(1), c.id(2));

    await c.send('sendGroupMessage', c.id(1), gid, 51, 'counted', '');
    await c.send('sendGroupMessage', c.id(1), gid, 52, 'counted', '');
    await c.send('sendGroupMessage', c.id(2), gid, 51, 'counted', '');
    const all = await c.ok('getMessageNum', 2, gid, undefined, undefined, undefined);
    same('senders and messages', [all.sender, all.num], [2, 3]);
    const some = await c.ok('getMessageNum', 2, gid, [52], undefined, undefined);
    same('... with mtypes', [some.sender, some.num], [1, 1]);
});

// -- chat and commands -------------------------------------------------------

for (const [word, mtype] of [['Chat', 30], ['Cmd', 32]]) {
    for (const [kind, method] of [['P2P', 'send'], ['Group', 'sendGroup'], ['Room', 'sendRoom'], ['Broadcast', 'broadcast']]) {
        row(method + word, async (c) => {
            const to = await place(c, kind, 30 + KINDS[kind]);
            const {mid, mtime} = await c.send(method + word, c.id(1), ...to, TEXT, '{"x":[]}');

            await checkInfo(c, 'getChat', kind, mid, to, mtype, TEXT, '{"x":[]}', mtime);
        });
    }
    row(`send${word}s`, async (c) => {
        const {mid, mtime} = await c.send(`send${word}s`, c.id(1), [c.id(3), c.id(4)], TEXT, '');

        await checkInfo(c, 'getChat', 'P2P', mid, [c.id(4)], mtype, TEXT, '', mtime);
    });
}
for (const kind of Object.keys(KINDS)) {
    const chat = {P2P: 'sendChat', Group: 'sendGroupChat', Room: 'sendRoomChat', Broadcast: 'broadcastChat'}[kind];
    const remove = {P2P: 'deleteChat', Group: 'deleteGroupChat', Room: 'deleteRoomChat', Broadcast: 'deleteBroadcastChat'}[kind];

    row(`get${kind}Chat, ${remove}`, async (c) => {
        const to = await place(c, kind, 35 + KINDS[kind]);
        const first = (await c.send(chat, c.id(1), ...to, 'chat', '')).mid;
        const other = (await c.send(SEND[kind], c.id(1), ...to, 51, 'no chat', '')).mid;
        const mids = (await readAll(c, `get${kind}Chat`, [c.id(1), ...to], false, 20)).map((m) => plain(m.messageId));

        expect(mids.includes(plain(first)), 'the chat is not there');
        expect(!mids.includes(plain(other)), 'a message that is no chat is among the chats');
        await c.ok(remove, first, c.id(1), ...to);
        await c.fails(200070, 'getChat', first, c.id(1), to.length ? to[0] : new Int64BE(0), KINDS[kind]);
    });
}

// -- groups, rooms, bans, blacklist ------------------------------------------

const sorted = (ids) => plain(ids).sort();

row('addGroupMembers, getGroupMembers, isGroupMember', async (c) => {
    const gid = c.id(41);

    same('members of no group', await c.ok('getGroupMembers', gid), []);
    await c.group(41, c.id(1), c.id(2));
    await c.group(41, c.id(2), c.id(3));
    same('members', sorted(await c.ok('getGroupMembers', gid)), [c.id(1), c.id(2), c.id(3)]);
    same('a member', (await c.ok('isGroupMember', gid, c.id(1))).ok, true);
    same('no member', (await c.ok('isGroupMember', gid, c.id(4))).ok, false);
});

row('deleteGroupMembers, deleteGroup', async (c) => {
    const gid = await c.group(42, c.id(1), c.id(2));

    await c.ok('deleteGroupMembers', gid, [c.id(1)]);
    same('members', await c.ok('getGroupMembers', gid), [c.id(2)]);
    await c.fails(200041, 'sendGroupMessage', c.id(1), gid, 51, 'x', '', c.mid());
    await c.send('sendGroupMessage', c.id(2), gid, 51, 'x', '');
    await c.ok('deleteGroup', gid);
    same('members', await c.ok('getGroupMembers', gid), []);
});

row('getUserGroups', async (c) => {
    const gids = [await c.group(43, c.id(12)), await c.group(44, c.id(12))];

    same('groups', sorted(await c.ok('getUserGroups', c.id(12))), gids);
});

row('addRoomMember, getRoomMembers, deleteRoomMember', async (c) => {
    const rid = await c.room(45, c.id(1), c.id(2));

    same('members', sorted(await c.ok('getRoomMembers', rid)), [c.id(1), c.id(2)]);
    await c.ok('deleteRoomMember', rid, c.id(1));
    same('members', await c.ok('getRoomMembers', rid), [c.id(2)]);
    await c.fails(200040, 'sendRoomMessage', c.id(1), rid, 51, 'x', '', c.mid());
});

row('getRoomCount', async (c) => {
    const rids = [await c.room(46, c.id(1), c.id(2)), await c.room(47, c.id(1))];
    const data = await c.ok('getRoomCount', rids);

    same('numbers of members', rids.map((rid) => data.cn[plain(rid)]), [2, 1]);
});

for (const [kind, code] of [['Group', 200044], ['Room', 200045]]) {
    row(`add${kind}Ban, isBanOf${kind}, remove${kind}Ban`, async (c) => {
        const [xid] = await place(c, kind, 50 + KINDS[kind]);
        const banned = async () => (await c.ok(`isBanOf${kind}`, xid, c.id(1))).ok;

        for (const where of [xid, undefined]) {
            same('banned', await banned(), false);
            await c.ok(`add${kind}Ban`, where, c.id(1), 100);
            same('banned', await banned(), true);
            await c.fails(code, SEND[kind], c.id(1), xid, 51, 'x', '', c.mid());
            await c.ok(`remove${kind}Ban`, where, c.id(1));
            same('banned', await banned(), false);
            await c.send(SEND[kind], c.id(1), xid, 51, 'x', '');
        }
    });
}

row('addProjectBlack, isProjectBlack, removeProjectBlack', async (c) => {
    const uid = c.id(17);
    const black = async () => (await c.ok('isProjectBlack', uid)).ok;

    same('black', await black(), false);
    await c.ok('addProjectBlack', uid, 100);
    same('black', await black(), true);
    const {code} = await call(c.client, 'sendMessage', uid, c.id(2), 51, 'x', '', c.mid());
    expect(code === 200024 || code === 200049, `a user on the blacklist sends: error ${code}`);
    await c.ok('removeProjectBlack', uid);
    same('black', await black(), false);
    await c.send('sendMessage', uid, c.id(2), 51, 'x', '');
});

// -- listening ---------------------------------------------------------------

async function listener(c, options) {
    const client = await c.connect();

    if (options) {
        same('the error', (await call(client, 'setEvtListener', options)).code, 0);
    }
    return client;
}

const ALL = {p2p: true, group: true, room: true, ev: true};

function checkPush(m, from, mtype, mid, msg, attrs, mtime) {
    same('sender, mtype, mid, message, attrs, mtime', [m.fromUid, m.messageType, m.messageId, m.message, m.attrs, m.modifiedTime],
        [from, mtype, mid, msg, attrs, mtime]);
}

for (const [kind, push, option] of [['P2P', 'pushmsg', 'p2p'], ['Group', 'pushgroupmsg', 'group'], ['Room', 'pushroommsg', 'room']]) {
    row(`setEvtListener, ${push}`, async (c) => {
        const {pushes} = await listener(c, Object.assign({p2p: false, group: false, room: false, ev: false}, {[option]: true}));
        const to = await place(c, kind, 60 + KINDS[kind]);
        const {mid, mtime} = await c.send(SEND[kind], c.id(1), ...to, 51, TEXT, 'attrs');

        checkPush(await pushes.wait(push, mid), c.id(1), 51, mid, TEXT, 'attrs', mtime);
        await pushes.count(mid, 1);
        const other = kind === 'P2P' ? 'Group' : 'P2P';
        const silent = await c.send(SEND[other], c.id(1), ...await place(c, other, 65), 51, 'nobody listens', '');
        await pushes.count(silent.mid, 0);
    });
    for (const [word, mtype] of [['Chat', 30], ['Cmd', 32]]) {
        const name = 'push' + (kind === 'P2P' ? '' : kind.toLowerCase()) + word.toLowerCase();

        row(name, async (c) => {
            const {pushes} = await listener(c, ALL);
            const to = await place(c, kind, 60 + KINDS[kind]);
            const {mid, mtime} = await c.send('send' + (kind === 'P2P' ? '' : kind) + word, c.id(1), ...to, TEXT, 'attrs');

            checkPush(await pushes.wait(name, mid), c.id(1), mtype, mid, TEXT, 'attrs', mtime);
        });
    }
}

row('pushfile', async (c) => {
    const {pushes} = await listener(c, ALL);
    const {mid} = await c.send('sendMessage', c.id(1), c.id(2), 40, '{"url":"http://x/y"}', '{}');

    // buildFileInfo() is looked up in a module that requires this one, and isn't there
    if (!await until(() => pushes.of(mid).length > 0, 2 * GRACE)) {
        throw new SdkBug('it fails where it takes the file apart, by a circular require()');
    }
    await pushes.wait('pushfile', mid);
});

row('recipient of a push', async (c) => {
    const {pushes} = await listener(c, ALL);
    const {mid} = await c.send('sendMessage', c.id(1), c.id(2), 51, 'x', '');
    const {toId} = await pushes.wait('pushmsg', mid);

    if (plain(toId) === '0') {
        throw new SdkBug('it forgets the recipient: toId is always 0');
    }
    same('recipient', toId, c.id(2));
});

for (const method of ['addEvtListener', 'removeEvtListener', 'setEvtListener']) {
    row(`${method}, with ids`, async (c) => {
        const client = await listener(c);
        const gid = await c.group(68, c.id(1));

        try {
            same('the error', (await call(client, method, {gids: [gid]})).code, 0);
        } catch (error) {
            if (error instanceof ReferenceError) {
                throw new SdkBug(`it uses a variable that it hasn't declared: ${error.message}`);
            }
            throw error;
        }
        const {mid} = await c.send('sendGroupMessage', c.id(1), gid, 51, 'x', '');
        await until(() => client.pushes.of(mid).length > 0, 1000);
        await client.pushes.count(mid, method === 'removeEvtListener' ? 0 : 1);
    });
}

row('ping', async (c) => {
    const client = await listener(c, {p2p: false, group: false, room: false, ev: false});

    expect(await until(() => client.pushes.list.some((p) => p.name === 'ping'), TIMEOUT), 'no ping came');
    same('the error', (await call(client, 'setEvtListener', ALL)).code, 0);
});

row('300 pushes, each once, complete', async (c) => {
    const {pushes} = await listener(c, ALL);
    const mids = Array.from({length: 300}, () => c.mid());

    await Promise.all(mids.map((mid) => call(c.client, 'sendMessage', c.id(1), c.id(2), 51, 'push', '', mid)));
    await until(() => pushes.list.filter((p) => p.name === 'pushmsg').length >= 300, TIMEOUT);
    same('mids of what was pushed', sorted(pushes.list.filter((p) => p.name === 'pushmsg').map((p) => p.message.messageId)), mids);
});

row('setEvtListener, restored when reconnected', async (c) => {
    const client = await listener(c, ALL);

    client._baseClient._sock._socket.destroy();
    // with the connection the SDK forgets the functions too, but not what it listens to
    client.on('connect', () => { client.pushes = new Pushes(client); });
    for (let i = 0; i < TIMEOUT / 500; i++) {
        const {mid} = await c.send('sendMessage', c.id(1), c.id(2), 51, 'after reconnecting', '');

        if (await until(() => client.pushes.of(mid).length > 0, 500)) {
            if (c.options && client._encryptInfo === null) {
                throw new SdkBug('it reconnects without encryption');
            }
            return;
        }
    }
    throw new Mismatch('nothing is pushed after the SDK reconnected');
});

row('setUserInfo, getUserInfo; of groups and rooms', async (c) => {
    for (const kind of ['User', 'Group', 'Room']) {
        await c.ok(`set${kind}Info`, c.id(91), 'open', 'private');
        const info = await c.ok(`get${kind}Info`, c.id(91));
        same('infos', [info.oinfo, info.pinfo], ['open', 'private']);
    }
});

for (const [kind, is] of [['Friends', 'isFriend'], ['Blacks', 'isBlack']]) {
    row(`add${kind}, get${kind}, ${is}, delete${kind}`, async (c) => {
        await c.ok(`add${kind}`, c.id(94), [c.id(95), c.id(96)]);
        same('the list', sorted(await c.ok(`get${kind}`, c.id(94))), [c.id(95), c.id(96)]);
        await c.ok(`delete${kind}`, c.id(94), [c.id(96)]);
        same('one', (await c.ok(is, c.id(94), c.id(95))).ok, true);
        same('the other', (await c.ok(is, c.id(94), c.id(96))).ok, false);
        await c.ok(`delete${kind}`, c.id(94), [c.id(95)]);
    });
}

row('dataSet, dataGet, dataDelete', async (c) => {
    await c.ok('dataSet', c.id(91), 'colour', 'blue');
    same('value', (await c.ok('dataGet', c.id(91), 'colour')).val, 'blue');
    await c.ok('dataDelete', c.id(91), 'colour');
});

row('addDevice, removeDevice', async (c) => {
    await c.ok('addDevice', c.id(91), 'fcm', 'token');
    await c.ok('removeDevice', c.id(91), 'token');
});

row('addDevicePushOption', async (c) => {
    try {
        await c.ok('addDevicePushOption', c.id(91), 1, c.id(7), [51, 52]);
    } catch (e) {
        throw e instanceof ReferenceError ? new SdkBug(`it fails by itself: ${e.message}`) : e;
    }
});

row('getToken, kickout, getOnlineUsers', async (c) => {
    await c.ok('getToken', c.id(1));
    await c.ok('kickout', c.id(1));
    await c.ok('getOnlineUsers', [c.id(1)]);
});

row('wrong secret: 200002, unknown project: 200001', async (c) => {
    const send = async (client) => (await call(client, 'sendMessage', c.id(1), c.id(2), 51, 'x', '', c.mid())).code;

    same('the error', await send(await c.connect({secret: 'wrong'})), 200002);
    same('the error', await send(await c.connect({pid: 4711})), 200001);
});

// -- main --------------------------------------------------------------------

async function report(name, column, check) {
    let [result, remark] = ['ok', ''];

    try {
        await check();
    } catch (error) {
        result = error instanceof SdkBug ? 'SDK' : 'FAILED';
        remark = error instanceof Mismatch || error instanceof SdkBug ? error.message : error.stack;
    }
    // eslint-disable-next-line no-control-regex
    process.stdout.write([name, column, result, remark.replace(/[\x00-\x1f]+/g, ' ')].join('\t') + '\n');
    return result;
}

async function runColumn(c) {
    const only = process.env.INTEROP_ROW || '';
    const connected = await report('connecting', c.name, async () => { c.client = await c.connect(); });

    for (const [name, check] of connected === 'ok' ? rows : []) {
        if (name.includes(only)) {
            await report(name, c.name, () => check(c));
        }
    }
    c.close();
}

let onUncaught = null;      // called instead of ending, with what the SDK throws in a timer

async function runStream() {
    const c = new Column('stream', {curve: 'secp256k1', strength: 128, streamMode: true});

    await report('connecting', c.name, async () => {
        const thrown = new Promise((_, reject) => { onUncaught = reject; });

        try {
            c.client = await Promise.race([c.connect(), thrown]);
        } catch (error) {
            throw new SdkBug('its stream mode is not written yet (TODO in its source)');
        } finally {
            onUncaught = null;
        }
        await c.send('sendMessage', c.id(1), c.id(2), 51, TEXT, '');
    });
    c.close();
}

async function runCurve() {
    for (const strength of [128, 256]) {
        const c = new Column('package', {curve, strength, streamMode: false});

        await report(`${curve}, ${strength} bits`, c.name, async () => {
            if (curve !== 'secp256k1') {
                throw new SdkBug('it knows secp256k1 only');
            }
            c.client = await c.connect();
            const {pushes} = await listener(c, ALL);
            const {mid, mtime} = await c.send('sendMessage', c.id(1), c.id(2), 51, TEXT, '');
            checkPush(await pushes.wait('pushmsg', mid), c.id(1), 51, mid, TEXT, '', mtime);
        });
        c.close();
    }
}

async function main() {
    RTMServerClient.RTMRegistration.register();
    if (columns === 'curve') {
        await runCurve();
    } else {
        await runColumn(new Column('plain', null));
        await runColumn(new Column('package', {curve: 'secp256k1', strength: 128, streamMode: false}));
        await runStream();
    }
    process.exit(0);        // the SDK's timers never end
}

process.on('uncaughtException', (error) => {
    if (onUncaught) {
        onUncaught(error);
        return;
    }
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
});
main();
