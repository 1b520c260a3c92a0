import java.sql.*;
import java.util.*;

/* pgjdbc gives each parameter a type of its own: setString() varchar, setInt() int4, setLong() int8. */
class RunJdbc
{
	static final String CALLBACK = "public.driver_ended(bigint,bigint,rtm_error)";
	static final long BIG = 1L << 40;
	static Connection db;

	static void set(PreparedStatement s, int i, Object value) throws SQLException
	{
		if (value instanceof Object[])
			s.setArray(i, db.createArrayOf(value instanceof Integer[] ? "int4" : "int8", (Object[]) value));
		else if (value == null)
			s.setNull(i, Types.INTEGER);
		else
			s.setObject(i, value);
	}

	static void call(String name, Object expected, String sql, Object... params)
	{
		try (PreparedStatement s = db.prepareStatement(sql))
		{
			for (int i = 0; i < params.length; i++)
				set(s, i + 1, params[i]);
			ResultSet r = s.executeQuery();
			r.next();
			String got = r.getString(1);
			boolean good = Objects.equals(got, expected == null ? null : expected.toString());
			System.out.println((good ? "ok" : "not ok") + " - pgjdbc: " + name);
			if (!good)
				System.out.println("# got " + got + ", expected " + expected);
		}
		catch (SQLException e)
		{
			System.out.println("not ok - pgjdbc: " + name + "\n# " + e.getSQLState() + ": " + e.getMessage().replace("\n", "\n# "));
		}
	}

	/* The same with ids and types as int or as long. */
	static void calls(String what, Number mtype, Number uid, Number gid, Number num)
	{
		String send = "SELECT (rtm_send_group_message(?, ?, ?, ?)).mid > 0";

		call(what + "a send", "t", send, mtype, uid, gid, "hello");
		call(what + "bytes", "t", send, mtype, uid, gid, new byte[] {(byte) 255, 0});
		call(what + "every argument of a send", "t", "SELECT (rtm_send_group_message(?, ?, ?, ?, ?, ?, ?, ?)).mid > 0",
			mtype, uid, gid, "all", "{}", 0L, 10.5, "rtm");
		call(what + "an integer as timeout", "t", "SELECT (rtm_send_message(?, ?, ?, ?, timeout => ?)).mid > 0", mtype, uid, 2, "x", 10);
		call(what + "a history", "3", "SELECT count(*) FROM rtm_get_group_message(?, ?, ?, ?, mtypes => ?)",
			uid, gid, false, num, mtype instanceof Integer ? new Integer[] {51, 52} : new Long[] {51L, 52L});
		call(what + "a history without end", "3", "SELECT count(*) FROM rtm_get_group_message(?, ?, ?, ?)", uid, gid, true, null);
		call(what + "a queued send with a callback", "t", "SELECT rtm_send_group_message_async(?, ?, ?, ?, callback => ?) > 0",
			mtype, uid, 902, "queued", CALLBACK);
	}

	public static void main(String[] args) throws Exception
	{
		Map<String, String> env = System.getenv();

		try { Class.forName("org.postgresql.Driver"); }
		catch (ClassNotFoundException e) { System.out.println("# pgjdbc is not installed"); System.exit(77); }
		db = DriverManager.getConnection("jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE"),
			env.get("PGUSER"), "");
		calls("int: ", 51, 1, 903, 10);
		calls("long: ", 51L, BIG, 904L, 10L);
		call("several recipients", "t", "SELECT (rtm_send_messages(?, ?, ?, ?)).mid > 0", 51, 1, new Long[] {2L, 3L, BIG}, "x");
		call("any method", "3", "SELECT rtm_call(?, ?) ->> 'num'", "getmsgnum", "{\"type\": 2, \"xid\": 904}");
		call("a queued call with every argument", "t", "SELECT rtm_call_async(?, ?, ?, ?, ?) > 0", "getmsgnum", "{\"type\": 2, \"xid\": 904}",
			"public.driver_called(jsonb,rtm_error)", 10, "rtm");
		call("a wait", "done", "SELECT rtm_wait(?, ?)", BIG, 0);
		db.close();
	}
}
