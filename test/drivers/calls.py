# The calls, with ? for a parameter, and what comes out; bytes are marked, as
# asyncpg has to be told that a message isn't text.
import itertools
import json
import os
import sys

CALLBACK = "public.driver_ended(bigint,bigint,rtm_error)"


groups = itertools.count(int(os.environ.get("RTM_GROUP", "1000")))


def calls(number, json_text=json.dumps):
    """name, statement, parameters, expected; number makes a decimal.  Each time in a group of its own."""
    group = next(groups)
    other = 100000 + group
    return [
        ("a send", "SELECT (rtm_send_group_message(?, ?, ?, ?)).mid > 0", [51, 1, group, "hello"], True),
        ("large ids", "SELECT (rtm_send_group_message(?, ?, ?, ?)).mid > 0", [51, 2**40, 2**41, "hello"], True),
        ("every argument of a send", "SELECT (rtm_send_group_message(?, ?, ?, ?, ?, ?, ?, ?)).mid",
         [51, 1, group, "all", "{}", 4711, 10, "rtm"], 4711),
        ("a timeout with a fraction", "SELECT (rtm_send_message(?, ?, ?, ?, timeout => ?)).mid > 0",
         [51, 1, 2, "x", number("10.5")], True),
        ("bytes", "SELECT (rtm_send_group_message(?, ?, ?, ?::bytea)).mid > 0", [51, 1, other, b"\xff\x00"], True),
        ("bytes have arrived", "SELECT encode(msg_binary, 'hex') FROM rtm_get_group_message(?, ?, ?, ?)",
         [1, other, True, 1], "ff00"),
        ("several recipients", "SELECT (rtm_send_messages(?, ?, ?, ?)).mid > 0", [51, 1, [2, 3, 2**40], "x"], True),
        ("a history", "SELECT count(*) FROM rtm_get_group_message(?, ?, ?, ?, mtypes => ?)", [1, group, False, 10, [51, 52]], 2),
        ("a history without end", "SELECT count(*) FROM rtm_get_group_message(?, ?, ?, ?)", [1, group, False, None], 2),
        ("a page", "SELECT num FROM rtm_get_group_message_page(?, ?, ?, ?, lastid => ?)", [1, group, False, 10, 0], 2),
        ("a look-up", "SELECT msg FROM rtm_get_group_message_info(?, ?, ?)", [4711, 1, group], "all"),
        ("a delete", "SELECT rtm_delete_group_message(?, ?, ?)::text", [4711, 1, group], ""),
        ("any method", "SELECT (rtm_call(?, ?) ->> 'num')::int", ["getmsgnum", json_text({"type": 2, "xid": group})], 1),
        ("a queued send with a callback", "SELECT rtm_send_group_message_async(?, ?, ?, ?, callback => ?) > 0",
         [51, 1, other, "queued", CALLBACK], True),
        ("a queued call with every argument",
         "SELECT rtm_call_async(?, ?, ?, ?, ?) > 0",
         ["getmsgnum", json_text({"type": 2, "xid": group}), "public.driver_called(jsonb,rtm_error)", 10, "rtm"], True),
        ("queued bytes", "SELECT rtm_send_group_message_async(?, ?, ?, ?::bytea, callback => ?) > 0",
         [51, 1, other, b"\xfe", CALLBACK], True),
        ("a wait", "SELECT rtm_wait(?, ?)", [2**40, 0], "done"),
    ]


def connection():
    return {k: os.environ[v] for k, v in (("host", "PGHOST"), ("port", "PGPORT"), ("user", "PGUSER"), ("database", "PGDATABASE"))}


def report(name, ask, expected):
    try:
        got = ask()
    except Exception as e:
        print(f"not ok - {name}\n# {type(e).__name__}: {e}".replace("\n", "\n# ").replace("\n# # ", "\n# "))
        return
    good = got == expected
    print(f"{'ok' if good else 'not ok'} - {name}")
    if not good:
        print(f"# got {got!r}, expected {expected!r}")


def missing(name):
    print(f"# {name} is not installed")
    sys.exit(77)
