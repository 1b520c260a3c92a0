// node-postgres leaves every type to the server; a Buffer goes in binary.
let pg;
try { pg = require('pg'); }
catch (e) { console.log('# pg is not installed'); process.exit(77); }

const callback = 'public.driver_ended(bigint,bigint,rtm_error)';
const big = 2 ** 40;
const group = Number(process.env.RTM_GROUP || 1000);
const other = 100000 + group;
const calls = [
	['a send', 'SELECT (rtm_send_group_message(?, ?, ?, ?)).mid > 0 AS r', [51, 1, group, 'hello'], true],
	['large ids', 'SELECT (rtm_send_group_message(?, ?, ?, ?)).mid > 0 AS r', [51, big, 2 * big, 'hello'], true],
	['a BigInt', 'SELECT (rtm_send_group_message(?, ?, ?, ?)).mid > 0 AS r', [51n, BigInt(big), 5n, 'hello'], true],
	['every argument of a send', 'SELECT (rtm_send_group_message(?, ?, ?, ?, ?, ?, ?, ?)).mid AS r',
		[51, 1, group, 'all', '{}', 4711, 10.5, 'rtm'], '4711'],
	['bytes', 'SELECT (rtm_send_group_message(?, ?, ?, ?::bytea)).mid > 0 AS r', [51, 1, other, Buffer.from([255, 0])], true],
	['bytes have arrived', "SELECT encode(msg_binary, 'hex') AS r FROM rtm_get_group_message(?, ?, ?, ?)", [1, other, true, 1], 'ff00'],
	['several recipients', 'SELECT (rtm_send_messages(?, ?, ?, ?)).mid > 0 AS r', [51, 1, [2, 3, big], 'x'], true],
	['a history', 'SELECT count(*)::int AS r FROM rtm_get_group_message(?, ?, ?, ?, mtypes => ?)', [1, group, false, 10, [51, 52]], 2],
	['a history without end', 'SELECT count(*)::int AS r FROM rtm_get_group_message(?, ?, ?, ?)', [1, group, false, null], 2],
	['a look-up', 'SELECT msg AS r FROM rtm_get_group_message_info(?, ?, ?)', [4711, 1, group], 'all'],
	['a delete', 'SELECT rtm_delete_group_message(?, ?, ?)::text AS r', [4711, 1, group], ''],
	['any method', "SELECT (rtm_call(?, ?) ->> 'num')::int AS r", ['getmsgnum', { type: 2, xid: group }], 1],
	['a queued send with a callback', 'SELECT rtm_send_group_message_async(?, ?, ?, ?, callback => ?) > 0 AS r',
		[51, 1, other, 'queued', callback], true],
	['a queued call with every argument', 'SELECT rtm_call_async(?, ?, ?, ?, ?) > 0 AS r',
		['getmsgnum', { type: 2, xid: group }, 'public.driver_called(jsonb,rtm_error)', 10, 'rtm'], true],
	['a wait', 'SELECT rtm_wait(?, ?) AS r', [big, 0], 'done'],
];

(async () => {
	const db = new pg.Client();
	await db.connect();
	for (const [name, sql, params, expected] of calls)
	{
		let n = 0;
		try
		{
			const result = await db.query(sql.replace(/\?/g, () => '$' + ++n), params);
			const got = result.rows[0].r;
			console.log(`${got === expected ? 'ok' : 'not ok'} - node-postgres: ${name}`);
			if (got !== expected) console.log(`# got ${got}, expected ${expected}`);
		}
		catch (e) { console.log(`not ok - node-postgres: ${name}\n# ${e.code}: ${e.message}`); }
	}
	await db.end();
})();
