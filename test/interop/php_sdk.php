<?php
/*
 * Drives the vendor's PHP server SDK against a gate.
 *
 *	php php_sdk.php SDK HOST PORT PID SECRET PEM COLUMNS CURVE
 *
 * SDK is the folder with rtm/ (the SDK) and beside/ (what it needs, where it has no vendor/
 * of its own); PEM the gate's public key; COLUMNS "all", or "curve" for the few rows
 * that are run again for each curve.  Prints a line for each row and column, as
 * table.pl reads it.
 *
 * The SDK calls synchronously only, and is told nothing: it has no listening.
 */
[, $sdk, $host, $port, $pid, $secret, $pem, $columns, $curve] = $argv;

if (is_file("$sdk/rtm/vendor/autoload.php")) {
    require "$sdk/rtm/vendor/autoload.php";
} else {
    spl_autoload_register(function ($class) use ($sdk) {
        $folders = ['highras\\rtm\\' => 'rtm/src', 'highras\\fpnn\\' => 'beside/fpnn-sdk-php/src',
            'Elliptic\\' => 'beside/elliptic-php/lib', 'BN\\' => 'beside/bn-php/lib', 'BI\\' => 'beside/bigint-wrapper-php/lib'];
        foreach ($folders as $prefix => $folder) {
            $file = "$sdk/$folder/" . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
            if (strncmp($class, $prefix, strlen($prefix)) === 0 && is_file($file)) {
                require $file;
                return;
            }
        }
    });
}

use highras\rtm\RTMServerClient;

// The gate did something else than the SDK or its documents expect.
class Mismatch extends Exception {}

// The SDK itself is in the way; says how.
class SdkBug extends Exception {}

function expect($good, $text)
{
    if (!$good) {
        throw new Mismatch($text);
    }
}

function same($what, $got, $want)
{
    [$a, $b] = [json_encode($got), json_encode($want)];
    expect($a === $b, "$what is " . substr($a, 0, 300) . ', not ' . substr($b, 0, 300));
}

function sorted($ids)
{
    sort($ids);
    return $ids;
}

// The bare point of the curve, as the SDK takes it.
function public_point($pem)
{
    $ec = openssl_pkey_get_details(openssl_pkey_get_public(file_get_contents($pem)))['ec'];
    return str_pad($ec['x'], 32, "\0", STR_PAD_LEFT) . str_pad($ec['y'], 32, "\0", STR_PAD_LEFT);
}

// One column of the table: a way to connect.
class Column
{
    public $name;
    public $client;
    private $encrypted;
    private $base;
    private static $number = 0;

    public function __construct($name, $encrypted)
    {
        $this->name = $name;
        $this->encrypted = $encrypted;
        // nothing that a column makes is seen by another one or by another run
        $this->base = time() % 100000 * 1000000000 + getmypid() % 1000 * 1000000 + ++self::$number * 1000;
    }

    public function connect()
    {
        global $host, $port, $pid, $secret, $pem;

        // of a number with a leading zero the SDK loses the zero: another key of its own, then
        for ($try = 0;; $try++) {
            $client = new RTMServerClient((int) $pid, $secret, "$host:$port", 10000, true);
            try {
                if ($this->encrypted) {
                    $client->enableEncryptor(public_point($pem));
                    $client->isGroupMember($this->id(1), $this->id(1));
                }
                return $client;
            } catch (Throwable $e) {
                if (!$this->encrypted || $try >= 20) {
                    throw $e;
                }
            }
        }
    }

    public function id($n)
    {
        return $this->base + $n;
    }

    // Throws what the SDK throws: an error has its code in getCode().
    public function __call($method, $args)
    {
        try {
            return $this->client->$method(...$args);
        } catch (Exception $e) {
            if ($this->encrypted && $e->getCode() === FPNN_PHP_MSGPACK_UNPACK_ERROR) {
                throw new SdkBug('of a decrypted answer it takes zeros and white space off the end: unpack() with A');
            }
            throw $e;
        }
    }

    public function fails($code, $method, ...$args)
    {
        $got = 0;
        try {
            $this->__call($method, $args);
        } catch (SdkBug $e) {
            throw $e;
        } catch (Exception $e) {
            $got = $e->getCode();
        }
        same('the error', $got, $code);
    }

    // A send: [mid, mtime]
    public function send($method, ...$args)
    {
        $sent = $this->__call($method, $args);
        expect($sent['mid'] > 0, 'the mid is not positive');
        expect(abs($sent['mtime'] - microtime(true) * 1000) < 60000, 'mtime is not the time in milliseconds');
        return [$sent['mid'], $sent['mtime']];
    }

    public function group($n, ...$uids)
    {
        $this->addGroupMembers($this->id($n), $uids);
        return $this->id($n);
    }

    public function room($n, ...$uids)
    {
        foreach ($uids as $uid) {
            $this->addRoomMember($this->id($n), $uid);
        }
        return $this->id($n);
    }

    // where user 1 sends a message of that kind: [] for a broadcast
    public function place($kind, $n)
    {
        switch ($kind) {
            case 'P2P': return [$this->id($n)];
            case 'Group': return [$this->group($n, $this->id(1))];
            case 'Room': return [$this->room($n, $this->id(1))];
        }
        return [];
    }
}

$rows = [];
function row($name, $check)
{
    global $rows;
    $rows[] = [$name, $check];
}

// -- messages ----------------------------------------------------------------

const TEXT = "h\u{e9}llo \u{4f60}\u{597d} \u{1f600} \"\\\n\u{1}";
const KINDS = ['P2P' => 1, 'Group' => 2, 'Room' => 3, 'Broadcast' => 4];
const SEND = ['P2P' => 'send', 'Group' => 'sendGroup', 'Room' => 'sendRoom', 'Broadcast' => 'broadcast'];

function check_info($c, $method, $kind, $mid, $to, $mtype, $msg, $attrs, $mtime)
{
    $m = $c->$method($mid, $c->id(1), $to ? $to[0] : 0, KINDS[$kind]);
    same('mtype, message, attrs, mtime', [$m['mtype'], $m['msg'], $m['attrs'], $m['mtime']], [$mtype, $msg, $attrs, $mtime]);
    expect($m['id'] > 0, 'no cursor id');
}

// every page, by the cursor that the last one gave
function read_all($c, $method, $ids, $desc, $num, $mtypes = null)
{
    [$begin, $end, $last] = [0, 0, 0];
    $all = [];

    for (;;) {
        $page = $c->$method(...$ids, ...[$num, $desc, $begin, $end, $last], ...($mtypes === null ? [] : [$mtypes]));
        same('count', $page['num'], count($page['msgs']));
        if ($page['num'] === 0) {
            return $all;
        }
        $all = array_merge($all, $page['msgs']);
        expect($page['lastId'] !== $last, 'the cursor stands still');
        [$begin, $end, $last] = [$page['begin'], $page['end'], $page['lastId']];
    }
}

foreach (KINDS as $kind => $type) {
    $send = SEND[$kind] . 'Message';

    row($send, function ($c) use ($kind, $type, $send) {
        $to = $c->place($kind, 20 + $type);
        [$mid, $mtime] = $c->send($send, $c->id(1), ...$to, ...[51, TEXT, '{"k":1}']);
        check_info($c, 'getMessage', $kind, $mid, $to, 51, TEXT, '{"k":1}', $mtime);
    });
    row("get{$kind}Message", function ($c) use ($kind, $type, $send) {
        $to = $c->place($kind, 25 + $type);
        $method = "get{$kind}Message";
        $sent = [];
        foreach ([51, 52, 51, 60, 51, 52, 51] as $i => $mtype) {
            [$mid, $mtime] = $c->send($send, $c->id(1), ...$to, ...[$mtype, "message $i " . TEXT, "attrs $i"]);
            $sent[] = [$mid, $mtype, "message $i " . TEXT, "attrs $i", $mtime];
            usleep(2000);
        }
        $ours = function ($messages) use ($sent) {
            $kept = array_filter($messages, function ($m) use ($sent) { return in_array($m->mid, array_column($sent, 0), true); });
            return array_map(function ($m) { return [$m->mid, $m->mtype, $m->msg, $m->attrs, $m->mtime]; }, array_values($kept));
        };
        $ids = array_merge([$c->id(1)], $to);

        $forward = read_all($c, $method, $ids, false, 3);
        same('forwards', $ours($forward), $sent);
        if ($kind !== 'P2P') {
            same('sender', $forward[count($forward) - 1]->from, $c->id(1));
        } else {
            same('direction', $forward[0]->direction, 1);
        }
        same('backwards', $ours(read_all($c, $method, $ids, true, 3)), array_reverse($sent));
        same('with mtypes', $ours(read_all($c, $method, $ids, false, 20, [52, 60])),
            array_values(array_filter($sent, function ($s) { return $s[1] !== 51; })));
        $page = $c->$method(...$ids, ...[20, false, $sent[2][4], $sent[4][4], 0]);
        same('from begin to end', $ours($page['msgs']), array_slice($sent, 2, 3));
    });
    row("getMessage, delete{$kind}Message", function ($c) use ($kind, $type, $send) {
        $to = $c->place($kind, 20 + $type);
        [$mid] = $c->send($send, $c->id(1), ...$to, ...[99, TEXT, '']);
        $c->{"delete{$kind}Message"}($mid, $c->id(1), ...$to);
        $c->fails(200070, 'getMessage', $mid, $c->id(1), $to ? $to[0] : 0, $type);
    });
}

row('sendMessages', function ($c) {
    $others = [$c->id(3), $c->id(4), $c->id(5)];
    [$mid, $mtime] = $c->send('sendMessages', $c->id(1), $others, 53, TEXT, 'attrs');

    foreach ($others as $uid) {
        check_info($c, 'getMessage', 'P2P', $mid, [$uid], 53, TEXT, 'attrs', $mtime);
    }
    $c->fails(200033, 'sendMessages', $c->id(1), [], 53, 'x', '');
});

row('sendMessage, errors', function ($c) {
    $c->fails(200005, 'sendMessage', $c->id(1), $c->id(2), 0, 'x', '');
    $c->fails(200052, 'sendMessage', $c->id(1), $c->id(1), 51, 'x', '');
    $c->fails(200030, 'sendMessage', $c->id(1), $c->id(2), 51, str_repeat('x', 20481), '');
    $c->fails(200030, 'sendMessage', $c->id(1), $c->id(2), 51, 'x', str_repeat('x', 2049));
    $c->fails(10010, 'sendMessage', 'nobody', $c->id(2), 51, 'x', '');
    $c->send('sendMessage', $c->id(1), $c->id(2), 51, str_repeat('x', 20480), str_repeat('x', 2048));
});

row('getMessageNum', function ($c) {
    $gid = $c->group(40, $c->id(1), $c->id(2));

    $c->send('sendGroupMessage', $c->id(1), $gid, 51, 'counted', '');
    $c->send('sendGroupMessage', $c->id(1), $gid, 52, 'counted', '');
    $c->send('sendGroupMessage', $c->id(2), $gid, 51, 'counted', '');
    same('senders and messages', $c->getMessageNum(2, $gid), ['sender' => 2, 'num' => 3]);
    same('... with mtypes', $c->getMessageNum(2, $gid, [52]), ['sender' => 1, 'num' => 1]);
});

// -- chat and commands -------------------------------------------------------

foreach (['Chat' => 30, 'Cmd' => 32] as $word => $mtype) {
    foreach (KINDS as $kind => $type) {
        $send = SEND[$kind] . $word;

        row($send, function ($c) use ($kind, $type, $send, $mtype) {
            $to = $c->place($kind, 30 + $type);
            [$mid, $mtime] = $c->send($send, $c->id(1), ...$to, ...[TEXT, '{"x":[]}']);
            check_info($c, 'getChat', $kind, $mid, $to, $mtype, TEXT, '{"x":[]}', $mtime);
        });
    }
    row("send{$word}s", function ($c) use ($word, $mtype) {
        [$mid, $mtime] = $c->send("send{$word}s", $c->id(1), [$c->id(3), $c->id(4)], TEXT, '');
        check_info($c, 'getChat', 'P2P', $mid, [$c->id(4)], $mtype, TEXT, '', $mtime);
    });
}
foreach (KINDS as $kind => $type) {
    row("get{$kind}Chat, delete{$kind}Chat", function ($c) use ($kind, $type) {
        $to = $c->place($kind, 35 + $type);
        [$chat] = $c->send(SEND[$kind] . 'Chat', $c->id(1), ...$to, ...['chat', '']);
        [$other] = $c->send(SEND[$kind] . 'Message', $c->id(1), ...$to, ...[51, 'no chat', '']);
        $mids = array_map(function ($m) { return $m->mid; }, read_all($c, "get{$kind}Chat", array_merge([$c->id(1)], $to), false, 20));

        expect(in_array($chat, $mids, true), 'the chat is not there');
        expect(!in_array($other, $mids, true), 'a message that is no chat is among the chats');
        $c->{"delete{$kind}Chat"}($chat, $c->id(1), ...$to);
        $c->fails(200070, 'getChat', $chat, $c->id(1), $to ? $to[0] : 0, $type);
    });
}

// -- groups, rooms, bans, blacklist ------------------------------------------

row('addGroupMembers, getGroupMembers, isGroupMember', function ($c) {
    same('members of no group', $c->getGroupMembers($c->id(41)), []);
    $c->group(41, $c->id(1), $c->id(2));
    $gid = $c->group(41, $c->id(2), $c->id(3));
    same('members', sorted($c->getGroupMembers($gid)), [$c->id(1), $c->id(2), $c->id(3)]);
    same('a member', $c->isGroupMember($gid, $c->id(1)), true);
    same('no member', $c->isGroupMember($gid, $c->id(4)), false);
});

row('deleteGroupMembers, deleteGroup', function ($c) {
    $gid = $c->group(42, $c->id(1), $c->id(2));

    $c->deleteGroupMembers($gid, [$c->id(1)]);
    same('members', $c->getGroupMembers($gid), [$c->id(2)]);
    $c->fails(200041, 'sendGroupMessage', $c->id(1), $gid, 51, 'x', '');
    $c->send('sendGroupMessage', $c->id(2), $gid, 51, 'x', '');
    $c->deleteGroup($gid);
    same('members', $c->getGroupMembers($gid), []);
});

row('getUserGroups', function ($c) {
    $gids = [$c->group(43, $c->id(12)), $c->group(44, $c->id(12))];
    same('groups', sorted($c->getUserGroups($c->id(12))), $gids);
});

row('addRoomMember, getRoomMembers, deleteRoomMember', function ($c) {
    $rid = $c->room(45, $c->id(1), $c->id(2));

    same('members', sorted($c->getRoomMembers($rid)), [$c->id(1), $c->id(2)]);
    $c->deleteRoomMember($rid, $c->id(1));
    same('members', $c->getRoomMembers($rid), [$c->id(2)]);
    $c->fails(200040, 'sendRoomMessage', $c->id(1), $rid, 51, 'x', '');
});

row('addUserRooms, deleteUserRooms', function ($c) {
    $rids = [$c->id(48), $c->id(49)];

    $c->addUserRooms($c->id(13), $rids);
    same('members', [$c->getRoomMembers($rids[0]), $c->getRoomMembers($rids[1])], [[$c->id(13)], [$c->id(13)]]);
    $c->deleteUserRooms($c->id(13), [$rids[0]]);
    same('members', [$c->getRoomMembers($rids[0]), $c->getRoomMembers($rids[1])], [[], [$c->id(13)]]);
});

row('getRoomCount', function ($c) {
    $rids = [$c->room(46, $c->id(1), $c->id(2)), $c->room(47, $c->id(1))];
    same('numbers of members', $c->getRoomCount($rids), [$rids[0] => 2, $rids[1] => 1]);
});

foreach (['Group' => 200044, 'Room' => 200045] as $kind => $code) {
    row("add{$kind}Ban, isBanOf{$kind}, remove{$kind}Ban", function ($c) use ($kind, $code) {
        [$xid] = $c->place($kind, 50 + KINDS[$kind]);

        foreach ([$xid, null] as $where) {
            same('banned', $c->{"isBanOf$kind"}($xid, $c->id(1)), false);
            $c->{"add{$kind}Ban"}($where, $c->id(1), 100);
            same('banned', $c->{"isBanOf$kind"}($xid, $c->id(1)), true);
            $c->fails($code, SEND[$kind] . 'Message', $c->id(1), $xid, 51, 'x', '');
            $c->{"remove{$kind}Ban"}($where, $c->id(1));
            $c->send(SEND[$kind] . 'Message', $c->id(1), $xid, 51, 'x', '');
        }
    });
}

row('addProjectBlack, isProjectBlack, removeProjectBlack', function ($c) {
    $uid = $c->id(17);

    same('black', $c->isProjectBlack($uid), false);
    $c->addProjectBlack($uid, 100);
    same('black', $c->isProjectBlack($uid), true);
    try {
        $c->sendMessage($uid, $c->id(2), 51, 'x', '');
        throw new Mismatch('a user on the blacklist sends');
    } catch (Mismatch | SdkBug $e) {
        throw $e;
    } catch (Exception $e) {
        expect(in_array($e->getCode(), [200024, 200049], true), 'a user on the blacklist sends: error ' . $e->getCode());
    }
    $c->removeProjectBlack($uid);
    $c->send('sendMessage', $uid, $c->id(2), 51, 'x', '');
});

// -- the rest of the service -------------------------------------------------

row('setUserInfo, getUserInfo, getUserOpenInfo', function ($c) {
    $uid = $c->id(91);

    $c->setUserInfo($uid, 'open', 'private');
    same('infos', $c->getUserInfo($uid), ['oinfo' => 'open', 'pinfo' => 'private']);
    $c->setUserInfo($uid, 'more open');
    same('infos', $c->getUserInfo($uid), ['oinfo' => 'more open', 'pinfo' => 'private']);
    same('open info', (array) $c->getUserOpenInfo([$uid, $c->id(92)]), [(string) $uid => 'more open']);
});

foreach (['Group', 'Room'] as $kind) {
    row("set{$kind}Info, get{$kind}Info", function ($c) use ($kind) {
        $c->{"set{$kind}Info"}($c->id(93), 'open', 'private');
        same('infos', $c->{"get{$kind}Info"}($c->id(93)), ['oinfo' => 'open', 'pinfo' => 'private']);
    });
}

foreach (['Friends' => 'isFriend', 'Blacks' => 'isBlack'] as $list => $is) {
    row("add$list, get$list, $is, {$is}s, del$list", function ($c) use ($list, $is) {
        [$uid, $a, $b] = [$c->id(94), $c->id(95), $c->id(96)];

        $c->{"add$list"}($uid, [$a, $b]);
        same('the list', sorted($c->{"get$list"}($uid)), [$a, $b]);
        $c->{"del$list"}($uid, [$b]);
        same('one and the other', [$c->$is($uid, $a), $c->$is($uid, $b)], [true, false]);
        same('those of both', $c->{"{$is}s"}($uid, [$a, $b]), [$a]);
        $c->{"del$list"}($uid, [$a]);
    });
}

row('dataSet, dataGet, dataDelete', function ($c) {
    $c->dataSet($c->id(91), 'colour', TEXT);
    same('value', $c->dataGet($c->id(91), 'colour')['val'], TEXT);
    $c->dataDelete($c->id(91), 'colour');
});

row('addDevice, removeDevice', function ($c) {
    $c->addDevice($c->id(91), 'fcm', 'token');
    $c->removeDevice($c->id(91), 'token');
});

row('addDevicePushOption, getDevicePushOption, removeDevicePushOption', function ($c) {
    [$uid, $ouid, $gid] = [$c->id(97), $c->id(98), $c->id(99)];

    $c->addDevicePushOption($uid, 0, $ouid, [51, 52]);
    $c->addDevicePushOption($uid, 1, $gid, [53]);
    same('options', $c->getDevicePushOption($uid), ['p2p' => [$ouid => [51, 52]], 'group' => [$gid => [53]]]);
    $c->removeDevicePushOption($uid, 0, $ouid, [51, 52]);
    same('options', $c->getDevicePushOption($uid)['p2p'], []);
});

row('getToken, removeToken, kickOut, getOnlineUsers', function ($c) {
    expect($c->getToken($c->id(90)) !== '', 'the token is empty');
    $c->removeToken($c->id(90));
    $c->kickOut($c->id(90));
    same('users online', $c->getOnlineUsers([$c->id(90)]), []);
});

row('addSessions, removeSessions', function ($c) {
    $c->addSessions($c->id(90), [$c->id(91)]);
    $c->removeSessions($c->id(90), [$c->id(91)]);
});

row('wrong secret: 200002, unknown project: 200001', function ($c) {
    global $host, $port, $pid, $secret;

    foreach ([[(int) $pid, 'wrong', 200002], [4711, $secret, 200001]] as [$project, $key, $code]) {
        $got = 0;
        try {
            (new RTMServerClient($project, $key, "$host:$port"))->sendMessage($c->id(1), $c->id(2), 51, 'x', '');
        } catch (Exception $e) {
            $got = $e->getCode();
        }
        same('the error', $got, $code);
    }
});

// -- main --------------------------------------------------------------------

function report($name, $column, $check)
{
    [$result, $remark] = ['ok', ''];

    try {
        $check();
    } catch (Throwable $e) {
        $result = $e instanceof SdkBug ? 'SDK' : 'FAILED';
        $remark = $e->getMessage() . ($e instanceof Mismatch || $e instanceof SdkBug ? '' : " ({$e->getCode()}, line {$e->getLine()})");
    }
    print implode("\t", [$name, $column, $result, preg_replace('/[\x00-\x1f]+|[^\x20-\x7e]+/', ' ', $remark)]) . "\n";
    return $result === 'ok';
}

function run_column($c)
{
    global $rows;
    $only = getenv('INTEROP_ROW') ?: '';

    if (!report('connecting', $c->name, function () use ($c) { $c->client = $c->connect(); })) {
        return;
    }
    foreach ($rows as [$name, $check]) {
        if ($only === '' || strpos($name, $only) !== false) {
            report($name, $c->name, function () use ($c, $check) { $check($c); });
        }
    }
}

if ($columns === 'curve') {
    report("$curve, 128 bits", 'package', function () use ($curve) {
        if ($curve !== 'secp256k1') {
            throw new SdkBug('it knows secp256k1 with 128 bits only');
        }
        $c = new Column('package', true);
        $c->client = $c->connect();
        $to = [$c->id(2)];
        [$mid, $mtime] = $c->send('sendMessage', $c->id(1), $to[0], 51, TEXT, '');
        check_info($c, 'getMessage', 'P2P', $mid, $to, 51, TEXT, '', $mtime);
    });
} else {
    run_column(new Column('plain', false));
    run_column(new Column('package', true));
}
