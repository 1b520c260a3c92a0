/*
 * Drives the vendor's C++ server SDK against a gate.
 *
 *	cpp_sdk HOST PORT PID SECRET PEM COLUMNS CURVE
 *
 * PEM is the gate's public key; COLUMNS "all", or "curve" for the few rows that
 * are run again for each curve.  Prints a line for each row and column, as
 * table.pl reads it.
 */
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rtm.h"

typedef int64_t Id;
typedef std::set<Id> Ids;

static const int TIMEOUT = 10;			/* seconds that a call or a push may take */
static const int GRACE_MS = 300;		/* in which something that must not come would have come */

/* The gate did something else than the SDK or its documents expect. */
struct Mismatch
{
	std::string text;
};

/* The SDK itself is in the way; says how. */
struct SdkBug
{
	std::string text;
};

static void
expect(bool good, const std::string &text)
{
	if (!good)
		throw Mismatch{text};
}

template <class T>
static std::string
show(const T &value)
{
	std::ostringstream s;

	s << value;
	return s.str().substr(0, 200);
}

template <class A, class B>
static std::string
show(const std::pair<A, B> &value)
{
	return "(" + show(value.first) + ", " + show(value.second) + ")";
}

template <class T>
static std::string
show_all(const T &values)
{
	std::string s = "[";

	for (const auto &value : values)
		s += (s.size() > 1 ? ", " : "") + show(value);
	return s + "]";
}

static std::string show(const std::set<Id> &values) { return show_all(values); }
static std::string show(const std::vector<Id> &values) { return show_all(values); }
static std::string show(const std::vector<std::pair<Id, Id>> &values) { return show_all(values); }
static std::string show(const std::map<std::string, int32_t> &values) { return show_all(values); }

template <class T>
static void
same(const std::string &what, const T &got, const T &want)
{
	if (!(got == want))
		throw Mismatch{what + " is " + show(got) + ", not " + show(want)};
}

static void
ok(int32_t error)
{
	expect(error == 0, "error " + show(error));
}

static void
fails(int32_t error, int32_t code)
{
	same("the error", error, code);
}

static void
pause_ms(int ms)
{
	std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

/* What a listening client was told. */
class Pushes : public rtm::RTMServerPushMonitor
{
	typedef std::pair<std::string, rtm::RTMMessage> Push;

	std::mutex lock;
	std::condition_variable changed;
	std::vector<Push> list;

	void
	take(const char *name, const rtm::RTMMessage &message)
	{
		std::lock_guard<std::mutex> guard(lock);

		list.push_back(Push(name, message));
		changed.notify_all();
	}

	std::vector<Push>
	of(Id mid)
	{
		std::vector<Push> found;

		for (const Push &push : list)
			if (push.second.messageId == mid)
				found.push_back(push);
		return found;
	}

public:
	virtual void pushP2PMessage(rtm::RTMMessage m) { take("pushP2PMessage", m); }
	virtual void pushGroupMessage(rtm::RTMMessage m) { take("pushGroupMessage", m); }
	virtual void pushRoomMessage(rtm::RTMMessage m) { take("pushRoomMessage", m); }
	virtual void pushP2PChat(rtm::RTMMessage m) { take("pushP2PChat", m); }
	virtual void pushGroupChat(rtm::RTMMessage m) { take("pushGroupChat", m); }
	virtual void pushRoomChat(rtm::RTMMessage m) { take("pushRoomChat", m); }
	virtual void pushP2PCmd(rtm::RTMMessage m) { take("pushP2PCmd", m); }
	virtual void pushGroupCmd(rtm::RTMMessage m) { take("pushGroupCmd", m); }
	virtual void pushRoomCmd(rtm::RTMMessage m) { take("pushRoomCmd", m); }
	virtual void pushP2PFile(rtm::RTMMessage m) { take("pushP2PFile", m); }
	virtual void pushGroupFile(rtm::RTMMessage m) { take("pushGroupFile", m); }
	virtual void pushRoomFile(rtm::RTMMessage m) { take("pushRoomFile", m); }

	rtm::RTMMessage
	wait(const std::string &name, Id mid, int ms = TIMEOUT * 1000)
	{
		std::unique_lock<std::mutex> guard(lock);
		std::string others;

		changed.wait_for(guard, std::chrono::milliseconds(ms), [&] { return !of(mid).empty(); });
		for (const Push &push : of(mid))
		{
			if (push.first == name)
				return push.second;
			others += " " + push.first;
		}
		throw Mismatch{name + " did not come; of this message came:" + (others.empty() ? " nothing" : others)};
	}

	size_t
	count(Id mid)
	{
		std::lock_guard<std::mutex> guard(lock);

		return of(mid).size();
	}

	Ids
	recipients(Id mid)
	{
		std::lock_guard<std::mutex> guard(lock);
		Ids ids;

		for (const Push &push : of(mid))
			ids.insert(push.second.toId);
		return ids;
	}

	std::vector<Id>
	mids()
	{
		std::lock_guard<std::mutex> guard(lock);
		std::vector<Id> all;

		for (const Push &push : list)
			all.push_back(push.second.messageId);
		return all;
	}

	void
	none(Id mid)
	{
		pause_ms(GRACE_MS);
		same("number of pushes though nobody listens", count(mid), size_t(0));
	}

	void
	once(Id mid)
	{
		pause_ms(GRACE_MS);
		same("number of pushes", count(mid), size_t(1));
	}
};

typedef std::shared_ptr<Pushes> PushesPtr;
typedef std::shared_ptr<rtm::RTMServerClient> ClientPtr;

enum Encryption
{
	PLAIN, PACKAGE, STREAM
};

struct Options
{
	std::string host, secret, pem, columns, curve;
	int port, pid;
};

/* One column of the table: a way to connect and a way to call. */
class Column
{
	static int numbers;

	const Options &options;
	Encryption encryption;
	bool reinforce;
	Id base;
	std::vector<ClientPtr> clients;

public:
	bool callbacks;
	std::string name;
	ClientPtr client;

	Column(const Options &o, Encryption e, bool c, bool strong = false)
		: options(o), encryption(e), reinforce(strong), callbacks(c)
	{
		name = name_of(e, c);
		/* nothing that a column makes is seen by another one or by another run */
		base = (Id) (time(NULL) % 100000) * 1000000 + getpid() % 1000 * 1000 + ++numbers * 100;
		client = connect();
	}

	static std::string
	name_of(Encryption encryption, bool callbacks)
	{
		static const char *names[] = {"plain", "package", "stream"};

		return std::string(names[encryption]) + (callbacks ? " callback" : " sync");
	}

	~Column()
	{
		for (ClientPtr &c : clients)
			c->close();
	}

	/* What is closed isn't freed: a thread of the SDK still looks at it. */
	ClientPtr
	connect(const std::string &secret = "", int pid = 0)
	{
		static std::vector<ClientPtr> kept;
		ClientPtr c(new rtm::RTMServerClient(pid ? pid : options.pid, secret.empty() ? options.secret : secret,
											 options.host + ":" + std::to_string(options.port)));

		c->setQuestTimeout(TIMEOUT);
		if (encryption != PLAIN)
			expect(c->enableEncryptorByPemFile(options.pem.c_str(), encryption == PACKAGE, reinforce),
				   "the SDK refuses the key");
		expect(c->connect(), "no connection");
		clients.push_back(c);
		kept.push_back(c);
		return c;
	}

	Id id(int n) const { return base + n; }

	/* A call in this column's way: the callback's values go where the synchronous call puts them. */
	template <class Sync, class Async>
	int32_t
	call(Sync sync, Async async)
	{
		if (!callbacks)
			return sync();
		auto answer = std::make_shared<std::promise<int32_t>>();
		std::future<int32_t> future = answer->get_future();

		async(answer);
		expect(future.wait_for(std::chrono::seconds(TIMEOUT + 2)) == std::future_status::ready,
			   "the callback was never called");
		return future.get();
	}
};

int Column::numbers = 0;

/* The callback of a call without, and with, a value. */
typedef std::shared_ptr<std::promise<int32_t>> Answer;

static std::function<void (int32_t)>
done(Answer answer)
{
	return [answer](int32_t error) { answer->set_value(error); };
}

template <class T>
static std::function<void (T, int32_t)>
put(Answer answer, T &result)
{
	return [answer, &result](T value, int32_t error) {
		result = value;
		answer->set_value(error);
	};
}

#define S [&]
#define A [&](Answer answer)

/* -- calls --------------------------------------------------------------- */

static const std::set<int8_t> ALL_TYPES;

/* The SDK's message ids repeat every 64 within a second: the gate says so, another one is taken. */
static int32_t
unique(const std::function<int32_t ()> &send)
{
	int32_t error = 200053;

	for (int i = 0; i < 50 && error == 200053; i++)
	{
		if (i > 0)
			pause_ms(30);
		error = send();
	}
	return error;
}

enum Kind
{
	P2P = 1, GROUP, ROOM, BROADCAST
};

static int32_t
try_send(Column &c, Kind kind, Id &mid, Id from, Id to, int8_t mtype, const std::string &msg, const std::string &attrs)
{
	auto &x = *c.client;

	switch (kind)
	{
		case P2P:
			return unique(S { return c.call(S { return x.sendMessage(mid, from, to, mtype, msg, attrs); },
											A { x.sendMessage(from, to, mtype, msg, attrs, put(answer, mid)); }); });
		case GROUP:
			return unique(S { return c.call(S { return x.sendGroupMessage(mid, from, to, mtype, msg, attrs); },
											A { x.sendGroupMessage(from, to, mtype, msg, attrs, put(answer, mid)); }); });
		case ROOM:
			return unique(S { return c.call(S { return x.sendRoomMessage(mid, from, to, mtype, msg, attrs); },
											A { x.sendRoomMessage(from, to, mtype, msg, attrs, put(answer, mid)); }); });
		case BROADCAST:
			break;
	}
	return unique(S { return c.call(S { return x.broadcastMessage(mid, from, mtype, msg, attrs); },
									A { x.broadcastMessage(from, mtype, msg, attrs, put(answer, mid)); }); });
}

static int32_t
try_chat(Column &c, Kind kind, bool cmd, Id &mid, Id from, Id to, const std::string &msg, const std::string &attrs)
{
	auto &x = *c.client;

	switch (kind)
	{
		case P2P:
			return unique(S { return c.call(
				S { return cmd ? x.sendCmd(mid, from, to, msg, attrs) : x.sendChat(mid, from, to, msg, attrs); },
				A { cmd ? x.sendCmd(from, to, msg, attrs, put(answer, mid)) : x.sendChat(from, to, msg, attrs, put(answer, mid)); }); });
		case GROUP:
			return unique(S { return c.call(
				S { return cmd ? x.sendGroupCmd(mid, from, to, msg, attrs) : x.sendGroupChat(mid, from, to, msg, attrs); },
				A { cmd ? x.sendGroupCmd(from, to, msg, attrs, put(answer, mid)) : x.sendGroupChat(from, to, msg, attrs, put(answer, mid)); }); });
		case ROOM:
			return unique(S { return c.call(
				S { return cmd ? x.sendRoomCmd(mid, from, to, msg, attrs) : x.sendRoomChat(mid, from, to, msg, attrs); },
				A { cmd ? x.sendRoomCmd(from, to, msg, attrs, put(answer, mid)) : x.sendRoomChat(from, to, msg, attrs, put(answer, mid)); }); });
		case BROADCAST:
			break;
	}
	return unique(S { return c.call(
		S { return cmd ? x.broadcastCmd(mid, from, msg, attrs) : x.broadcastChat(mid, from, msg, attrs); },
		A { cmd ? x.broadcastCmd(from, msg, attrs, put(answer, mid)) : x.broadcastChat(from, msg, attrs, put(answer, mid)); }); });
}

static Id
send(Column &c, Kind kind, Id from, Id to, int8_t mtype, const std::string &msg, const std::string &attrs = "")
{
	Id mid = 0;

	ok(try_send(c, kind, mid, from, to, mtype, msg, attrs));
	expect(mid > 0, "no mid");
	return mid;
}

static Id
chat(Column &c, Kind kind, bool cmd, Id from, Id to, const std::string &msg, const std::string &attrs = "")
{
	Id mid = 0;

	ok(try_chat(c, kind, cmd, mid, from, to, msg, attrs));
	expect(mid > 0, "no mid");
	return mid;
}

static int32_t
try_info(Column &c, rtm::RetrievedMessage &m, Kind kind, Id mid, Id from, Id xid, bool as_chat = false)
{
	auto &x = *c.client;
	auto category = (rtm::MessageCategory) kind;

	return c.call(
		S { return as_chat ? x.getChat(m, mid, from, xid, category) : x.getMessage(m, mid, from, xid, category); },
		A { as_chat ? x.getChat(mid, from, xid, category, put(answer, m)) : x.getMessage(mid, from, xid, category, put(answer, m)); });
}

static int32_t
try_delete(Column &c, Kind kind, Id mid, Id from, Id xid, bool as_chat)
{
	auto &x = *c.client;
	auto category = (rtm::MessageCategory) kind;

	return c.call(
		S { return as_chat ? x.deleteChat(mid, from, xid, category) : x.deleteMessage(mid, from, xid, category); },
		A { as_chat ? x.deleteChat(mid, from, xid, category, done(answer)) : x.deleteMessage(mid, from, xid, category, done(answer)); });
}

static void
check_info(Column &c, Kind kind, Id mid, Id from, Id xid, int mtype, const std::string &msg,
		   const std::string &attrs, bool as_chat = false)
{
	rtm::RetrievedMessage m;

	ok(try_info(c, m, kind, mid, from, xid, as_chat));
	same("mtype", (int) m.messageType, mtype);
	same("message", m.message, msg);
	same("attrs", m.attrs, attrs);
	expect(m.cursorId > 0, "no cursor id");
	expect(std::llabs(m.modifiedTime - (Id) time(NULL) * 1000) < 60000, "mtime is not the time in milliseconds");
}

struct Page
{
	bool desc;
	int16_t num;
	Id begin, end, lastid;
	std::set<int8_t> mtypes;
	bool chats;
};

static int32_t
try_page(Column &c, Kind kind, Id uid, Id xid, const Page &p, rtm::HistoryMessageResult &r)
{
	auto &x = *c.client;

#define PAGE p.desc, p.num, p.begin, p.end, p.lastid
	switch (kind)
	{
		case P2P:
			return c.call(
				S { return p.chats ? x.getP2PChat(r, uid, xid, PAGE) : x.getP2PMessage(r, uid, xid, PAGE, p.mtypes); },
				A { p.chats ? x.getP2PChat(uid, xid, PAGE, put(answer, r)) : x.getP2PMessage(uid, xid, PAGE, p.mtypes, put(answer, r)); });
		case GROUP:
			return c.call(
				S { return p.chats ? x.getGroupChat(r, xid, PAGE, uid) : x.getGroupMessage(r, xid, PAGE, p.mtypes, uid); },
				A { p.chats ? x.getGroupChat(xid, PAGE, uid, put(answer, r)) : x.getGroupMessage(xid, PAGE, p.mtypes, uid, put(answer, r)); });
		case ROOM:
			return c.call(
				S { return p.chats ? x.getRoomChat(r, xid, PAGE, uid) : x.getRoomMessage(r, xid, PAGE, p.mtypes, uid); },
				A { p.chats ? x.getRoomChat(xid, PAGE, uid, put(answer, r)) : x.getRoomMessage(xid, PAGE, p.mtypes, uid, put(answer, r)); });
		case BROADCAST:
			break;
	}
	return c.call(
		S { return p.chats ? x.getBroadcastChat(r, PAGE, uid) : x.getBroadcastMessage(r, PAGE, p.mtypes, uid); },
		A { p.chats ? x.getBroadcastChat(PAGE, uid, put(answer, r)) : x.getBroadcastMessage(PAGE, p.mtypes, uid, put(answer, r)); });
#undef PAGE
}

/* Every page, by the cursor that the last one gave. */
static std::vector<rtm::HistoryMessage>
read_all(Column &c, Kind kind, Id uid, Id xid, bool desc, int num, const std::set<int8_t> &mtypes = ALL_TYPES, bool chats = false)
{
	Page page = {desc, (int16_t) num, 0, 0, 0, mtypes, chats};
	std::vector<rtm::HistoryMessage> all;

	for (;;)
	{
		rtm::HistoryMessageResult r;

		ok(try_page(c, kind, uid, xid, page, r));
		same("count", (size_t) r.count, r.messages.size());
		all.insert(all.end(), r.messages.begin(), r.messages.end());
		if (r.count == 0)
			return all;
		expect(r.lastCursorId != page.lastid, "the cursor stands still");
		page.begin = r.beginMsec;
		page.end = r.endMsec;
		page.lastid = r.lastCursorId;
	}
}

static int32_t
add_members(Column &c, Id gid, const Ids &uids)
{
	return c.call(S { return c.client->addGroupMembers(gid, uids); }, A { c.client->addGroupMembers(gid, uids, done(answer)); });
}

static Id
group(Column &c, int n, const Ids &uids)
{
	ok(add_members(c, c.id(n), uids));
	return c.id(n);
}

static Id
room(Column &c, int n, const Ids &uids)
{
	Id rid = c.id(n);

	for (Id uid : uids)
		ok(c.call(S { return c.client->addRoomMember(rid, uid); }, A { c.client->addRoomMember(rid, uid, done(answer)); }));
	return rid;
}

/* Where user 1 of the column sends a message of each kind. */
static Id
place(Column &c, Kind kind, int n)
{
	return kind == P2P ? c.id(n) : kind == GROUP ? group(c, n, {c.id(1)}) : kind == ROOM ? room(c, n, {c.id(1)}) : 0;
}

/* -- rows ---------------------------------------------------------------- */

static const std::string TEXT = "h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80 \"\\\n\x01";

static std::string
binary()
{
	std::string s;

	for (int i = 0; i < 256; i++)
		s += (char) i;
	return s;
}

typedef std::function<void (Column &)> Check;
static std::vector<std::pair<std::string, Check>> rows;

static const char *kind_names[] = {"", "P2P", "Group", "Room", "Broadcast"};
static const char *send_names[] = {"", "sendMessage", "sendGroupMessage", "sendRoomMessage", "broadcastMessage"};

static void
row(const std::string &name, Check check)
{
	rows.push_back(std::make_pair(name, check));
}

static void
history(Column &c, Kind kind, Id uid, Id xid)
{
	static const int8_t types[] = {51, 52, 51, 60, 51, 52, 51};
	std::vector<Id> mids, some, times;
	std::vector<Id> seen;
	auto ours = [&](const std::vector<rtm::HistoryMessage> &messages) {
		std::vector<Id> found;

		for (const auto &m : messages)
			if (std::find(mids.begin(), mids.end(), m.messageId) != mids.end())
				found.push_back(m.messageId);
		return found;
	};

	for (int i = 0; i < 7; i++)
	{
		mids.push_back(send(c, kind, uid, xid, types[i], "message " + std::to_string(i) + TEXT, "attrs " + std::to_string(i)));
		if (types[i] != 51)
			some.push_back(mids.back());
		pause_ms(2);
	}
	auto messages = read_all(c, kind, uid, xid, false, 3);
	same("forwards", ours(messages), mids);
	int n = 0;
	Id last = 0;
	for (const auto &m : messages)
	{
		expect(m.cursorId > last, "cursor ids do not grow");
		last = m.cursorId;
		if (n == 7 || m.messageId != mids[n])
			continue;
		same("message", m.message, "message " + std::to_string(n) + TEXT);
		same("attrs", m.attrs, "attrs " + std::to_string(n));
		same("mtype", (int) m.messageType, (int) types[n]);
		same("sender", m.fromUid, uid);
		times.push_back(m.modifiedTime);
		n++;
	}
	same("backwards", ours(read_all(c, kind, uid, xid, true, 3)), std::vector<Id>(mids.rbegin(), mids.rend()));
	same("with mtypes", ours(read_all(c, kind, uid, xid, false, 20, {52, 60})), some);
	rtm::HistoryMessageResult r;
	ok(try_page(c, kind, uid, xid, Page{false, 20, times[2], times[4], 0, ALL_TYPES, false}, r));
	same("from begin to end", ours(r.messages), std::vector<Id>(mids.begin() + 2, mids.begin() + 5));
}

static void
add_message_rows(Kind kind)
{
	row(send_names[kind], [kind](Column &c) {
		Id to = place(c, kind, 20 + kind);
		Id mid = send(c, kind, c.id(1), to, 50 + kind + 1, TEXT, "{\"k\":1}");

		check_info(c, kind, mid, c.id(1), to, 50 + kind + 1, TEXT, "{\"k\":1}");
	});
	row(std::string("get") + kind_names[kind] + "Message", [kind](Column &c) {
		history(c, kind, c.id(1), place(c, kind, 25 + kind));
	});
	row(std::string("getMessage, deleteMessage: ") + kind_names[kind], [kind](Column &c) {
		Id to = place(c, kind, 20 + kind);
		Id mid = send(c, kind, c.id(1), to, 99, TEXT);
		rtm::RetrievedMessage m;

		check_info(c, kind, mid, c.id(1), to, 99, TEXT, "");
		ok(try_delete(c, kind, mid, c.id(1), to, false));
		fails(try_info(c, m, kind, mid, c.id(1), to), 200070);
		fails(try_delete(c, kind, mid, c.id(1), to, false), 200070);
	});
}

static void
add_chat_rows(Kind kind)
{
	static const char *names[] = {"", "send", "sendGroup", "sendRoom", "broadcast"};

	for (int cmd = 0; cmd < 2; cmd++)
		row(std::string(names[kind]) + (cmd ? "Cmd" : "Chat"), [kind, cmd](Column &c) {
			Id to = place(c, kind, 30 + kind);
			Id mid = chat(c, kind, cmd, c.id(1), to, TEXT, "attrs");

			check_info(c, kind, mid, c.id(1), to, cmd ? 32 : 30, TEXT, "attrs", true);
		});
	row(std::string("get") + kind_names[kind] + "Chat", [kind](Column &c) {
		Id to = place(c, kind, 35 + kind);
		Id first = chat(c, kind, false, c.id(1), to, "chat");
		Id other = send(c, kind, c.id(1), to, 51, "no chat");
		Id second = chat(c, kind, false, c.id(1), to, "another chat");
		std::vector<Id> found;

		for (const auto &m : read_all(c, kind, c.id(1), to, false, 20, ALL_TYPES, true))
		{
			expect(m.messageId != other, "a message that is no chat is among the chats");
			if (m.messageId == first || m.messageId == second)
				found.push_back(m.messageId);
		}
		same("the chats", found, std::vector<Id>({first, second}));
	});
	row(std::string("getChat, deleteChat: ") + kind_names[kind], [kind](Column &c) {
		Id to = place(c, kind, 30 + kind);
		Id mid = chat(c, kind, false, c.id(1), to, TEXT);
		rtm::RetrievedMessage m;

		check_info(c, kind, mid, c.id(1), to, 30, TEXT, "", true);
		ok(try_delete(c, kind, mid, c.id(1), to, true));
		fails(try_info(c, m, kind, mid, c.id(1), to, true), 200070);
	});
}

static void
add_list_rows()
{
	static const char *names[] = {"sendMessages", "sendChats", "sendCmds"};
	static const int types[] = {53, 30, 32};

	for (int i = 0; i < 3; i++)
		row(names[i], [i](Column &c) {
			Ids to = {c.id(3), c.id(4), c.id(5)};
			auto &x = *c.client;
			Id from = c.id(1), mid = 0;
			auto send_to = [&](const Ids &uids) {
				return unique(S { return c.call(
					S { return i == 0 ? x.sendMessages(mid, from, uids, 53, TEXT, "a") :
						i == 1 ? x.sendChats(mid, from, uids, TEXT, "a") : x.sendCmds(mid, from, uids, TEXT, "a"); },
					A { i == 0 ? x.sendMessages(from, uids, 53, TEXT, "a", put(answer, mid)) :
						i == 1 ? x.sendChats(from, uids, TEXT, "a", put(answer, mid)) :
						x.sendCmds(from, uids, TEXT, "a", put(answer, mid)); }); });
			};

			ok(send_to(to));
			Id sent = mid;
			for (Id uid : to)
				check_info(c, P2P, sent, from, uid, types[i], TEXT, "a");
			fails(send_to({}), 200033);
		});
}

static void
add_other_rows()
{
	row("sendMessage, binary", [](Column &c) {
		Id mid = send(c, P2P, c.id(1), c.id(2), 51, binary());

		check_info(c, P2P, mid, c.id(1), c.id(2), 51, binary(), "");
	});
	row("sendMessage, errors", [](Column &c) {
		Id mid;

		fails(try_send(c, P2P, mid, c.id(1), c.id(2), 0, "x", ""), 200005);
		fails(try_send(c, P2P, mid, c.id(1), c.id(1), 51, "x", ""), 200052);
		fails(try_send(c, P2P, mid, c.id(1), c.id(2), 51, std::string(20481, 'x'), ""), 200030);
		fails(try_send(c, P2P, mid, c.id(1), c.id(2), 51, "x", std::string(2049, 'x')), 200030);
		send(c, P2P, c.id(1), c.id(2), 51, std::string(20480, 'x'), std::string(2048, 'x'));
	});
	row("from and to of P2P messages", [](Column &c) {
		std::vector<std::pair<Id, Id>> seen;
		Id a = c.id(9), b = c.id(10);

		send(c, P2P, a, b, 51, "there");
		send(c, P2P, b, a, 51, "back");
		for (const auto &m : read_all(c, P2P, b, a, false, 20))
			seen.push_back(std::make_pair(m.fromUid, m.toId));
		same("from and to", seen, std::vector<std::pair<Id, Id>>({{a, b}, {b, a}}));
	});
	row("100 sends at once", [](Column &c) {
		std::atomic<int> good(0), answers(0);

		for (int i = 0; i < 100; i++)
			c.client->sendMessage(c.id(1), c.id(200 + i), 51, "number", "", [&](int64_t, int32_t error) {
				if (error == 0)
					good++;
				answers++;
			});
		for (int i = 0; i < TIMEOUT * 100 && answers < 100; i++)
			pause_ms(10);
		same("number of answers", (int) answers, 100);
		same("number of sends that went well", (int) good, 100);
	});
	row("getMessageNum", [](Column &c) {
		Id gid = group(c, 50, {c.id(1), c.id(2)}), rid = room(c, 51, {c.id(1), c.id(2)});
		auto counted = [&](Kind kind, Id xid, const std::set<int8_t> &types) {
			int32_t senders = -1, num = -1;
			auto category = (rtm::MessageCategory) kind;

			ok(c.call(S { return c.client->getMessageNum(senders, num, category, xid, types); },
					  A { c.client->getMessageNum(category, xid, [answer, &senders, &num](int32_t s, int32_t n, int32_t error) {
						  senders = s;
						  num = n;
						  answer->set_value(error);
					  }, types); }));
			return std::make_pair((Id) senders, (Id) num);
		};

		for (Kind kind : {GROUP, ROOM})
		{
			Id to = kind == GROUP ? gid : rid;

			send(c, kind, c.id(1), to, 51, "counted");
			send(c, kind, c.id(1), to, 52, "counted");
			send(c, kind, c.id(2), to, 51, "counted");
			same("senders and messages", counted(kind, to, ALL_TYPES), std::make_pair((Id) 2, (Id) 3));
			same("... with mtypes", counted(kind, to, {52}), std::make_pair((Id) 1, (Id) 1));
		}
	});
	row("getToken, kickout", [](Column &c) {
		std::string token;

		ok(c.call(S { return c.client->getToken(token, 1); }, A { c.client->getToken(1, put(answer, token)); }));
		expect(!token.empty(), "the token is empty");
		ok(c.call(S { return c.client->kickout(1); }, A { c.client->kickout(1, done(answer)); }));
	});
	row("wrong secret: 200002, unknown project: 200001", [](Column &c) {
		Id mid;
		ClientPtr saved = c.client;

		c.client = c.connect("wrong");
		int32_t wrong = try_send(c, P2P, mid, c.id(1), c.id(2), 51, "x", "");
		c.client = c.connect("", 4711);
		int32_t unknown = try_send(c, P2P, mid, c.id(1), c.id(2), 51, "x", "");
		c.client = saved;
		fails(wrong, 200002);
		fails(unknown, 200001);
	});
}

/* -- groups, rooms, bans, blacklist -------------------------------------- */

static Ids
members(Column &c, Kind kind, Id xid)
{
	Ids uids;
	auto &x = *c.client;

	ok(c.call(S { return kind == GROUP ? x.getGroupMembers(uids, xid) : x.getRoomMembers(uids, xid); },
			  A { kind == GROUP ? x.getGroupMembers(xid, put(answer, uids)) : x.getRoomMembers(xid, put(answer, uids)); }));
	return uids;
}

static bool
is_banned(Column &c, Kind kind, Id xid, Id uid)
{
	bool banned = false;
	auto &x = *c.client;

	ok(c.call(S { return kind == GROUP ? x.isBanOfGroup(banned, xid, uid) : x.isBanOfRoom(banned, xid, uid); },
			  A { kind == GROUP ? x.isBanOfGroup(xid, uid, put(answer, banned)) : x.isBanOfRoom(xid, uid, put(answer, banned)); }));
	return banned;
}

static void
ban(Column &c, Kind kind, Id xid, Id uid, int seconds)
{
	auto &x = *c.client;

	ok(c.call(S { return kind == GROUP ? x.addGroupBan(xid, uid, seconds) : x.addRoomBan(xid, uid, seconds); },
			  A { kind == GROUP ? x.addGroupBan(xid, uid, seconds, done(answer)) : x.addRoomBan(xid, uid, seconds, done(answer)); }));
}

static void
unban(Column &c, Kind kind, Id xid, Id uid)
{
	auto &x = *c.client;

	ok(c.call(S { return kind == GROUP ? x.removeGroupBan(xid, uid) : x.removeRoomBan(xid, uid); },
			  A { kind == GROUP ? x.removeGroupBan(xid, uid, done(answer)) : x.removeRoomBan(xid, uid, done(answer)); }));
}

static void
add_ban_rows(Kind kind)
{
	std::string name = std::string("add") + kind_names[kind] + "Ban";
	int32_t code = kind == GROUP ? 200044 : 200045;

	row(name + ", isBanOf" + kind_names[kind] + ", remove" + kind_names[kind] + "Ban", [kind, code](Column &c) {
		Id xid = place(c, kind, 70 + kind), uid = c.id(1), mid;

		same("banned", is_banned(c, kind, xid, uid), false);
		ban(c, kind, xid, uid, 100);
		same("banned", is_banned(c, kind, xid, uid), true);
		fails(try_send(c, kind, mid, uid, xid, 51, "x", ""), code);
		unban(c, kind, xid, uid);
		same("banned", is_banned(c, kind, xid, uid), false);
		send(c, kind, uid, xid, 51, "x");
	});
	row(name + ", everywhere", [kind, code](Column &c) {
		Id xid = place(c, kind, 75 + kind), uid = c.id(1), mid;

		ban(c, kind, 0, uid, 100);
		same("banned", is_banned(c, kind, xid, uid), true);
		fails(try_send(c, kind, mid, uid, xid, 51, "x", ""), code);
		unban(c, kind, 0, uid);
		send(c, kind, uid, xid, 51, "x");
	});
}

static void
add_member_rows()
{
	row("addGroupMembers, getGroupMembers, isGroupMember", [](Column &c) {
		Id gid = c.id(52);
		bool is = false;
		auto is_member = [&](Id uid) {
			ok(c.call(S { return c.client->isGroupMember(is, gid, uid); },
					  A { c.client->isGroupMember(gid, uid, put(answer, is)); }));
			return is;
		};

		same("members of no group", members(c, GROUP, gid), Ids());
		group(c, 52, {c.id(1), c.id(2)});
		group(c, 52, {c.id(2), c.id(3)});
		same("members", members(c, GROUP, gid), Ids({c.id(1), c.id(2), c.id(3)}));
		same("a member", is_member(c.id(1)), true);
		same("no member", is_member(c.id(4)), false);
		fails(add_members(c, gid, {}), 200033);
	});
	row("deleteGroupMembers, deleteGroup", [](Column &c) {
		Id gid = group(c, 53, {c.id(1), c.id(2)}), mid;
		Ids gone = {c.id(1)};

		ok(c.call(S { return c.client->deleteGroupMembers(gid, gone); }, A { c.client->deleteGroupMembers(gid, gone, done(answer)); }));
		same("members", members(c, GROUP, gid), Ids({c.id(2)}));
		fails(try_send(c, GROUP, mid, c.id(1), gid, 51, "x", ""), 200041);
		send(c, GROUP, c.id(2), gid, 51, "x");
		ok(c.call(S { return c.client->deleteGroup(gid); }, A { c.client->deleteGroup(gid, done(answer)); }));
		same("members", members(c, GROUP, gid), Ids());
		fails(try_send(c, GROUP, mid, c.id(2), gid, 51, "x", ""), 200041);
	});
	row("getUserGroups", [](Column &c) {
		Id uid = c.id(12);
		Ids gids;

		group(c, 54, {uid});
		group(c, 55, {uid});
		ok(c.call(S { return c.client->getUserGroups(gids, uid); }, A { c.client->getUserGroups(uid, put(answer, gids)); }));
		same("groups", gids, Ids({c.id(54), c.id(55)}));
	});
	row("addRoomMember, getRoomMembers, deleteRoomMember", [](Column &c) {
		Id rid = room(c, 56, {c.id(1), c.id(2)}), uid = c.id(1), mid;

		same("members", members(c, ROOM, rid), Ids({c.id(1), c.id(2)}));
		ok(c.call(S { return c.client->deleteRoomMember(rid, uid); }, A { c.client->deleteRoomMember(rid, uid, done(answer)); }));
		same("members", members(c, ROOM, rid), Ids({c.id(2)}));
		fails(try_send(c, ROOM, mid, uid, rid, 51, "x", ""), 200040);
	});
	row("getRoomCount", [](Column &c) {
		std::map<std::string, int32_t> count, want;
		Id rid = room(c, 57, {c.id(1), c.id(2)});

		want[std::to_string(rid)] = 2;
		ok(c.call(S { return c.client->getRoomCount(count, rid); }, A { c.client->getRoomCount(rid, put(answer, count)); }));
		same("numbers of members", count, want);
	});
	row("addProjectBlack, isProjectBlack, removeProjectBlack", [](Column &c) {
		Id uid = c.id(17), mid;
		bool black = false;
		auto is_black = [&] {
			ok(c.call(S { return c.client->isProjectBlack(black, uid); }, A { c.client->isProjectBlack(uid, put(answer, black)); }));
			return black;
		};

		same("black", is_black(), false);
		ok(c.call(S { return c.client->addProjectBlack(uid, 100); }, A { c.client->addProjectBlack(uid, 100, done(answer)); }));
		same("black", is_black(), true);
		int32_t error = try_send(c, P2P, mid, uid, c.id(2), 51, "x", "");
		expect(error == 200024 || error == 200049, "a user on the blacklist sends: error " + show(error));
		ok(c.call(S { return c.client->removeProjectBlack(uid); }, A { c.client->removeProjectBlack(uid, done(answer)); }));
		same("black", is_black(), false);
		send(c, P2P, uid, c.id(2), 51, "x");
	});
}

/* -- listening ----------------------------------------------------------- */

struct Listener
{
	ClientPtr client;
	PushesPtr pushes;
};

static Listener
listener(Column &c)
{
	Listener l = {c.connect(), std::make_shared<Pushes>()};

	l.client->setServerPushMonitor(l.pushes);
	return l;
}

enum Change
{
	ADD, REMOVE, SET
};

static void
listen(Column &c, Listener &l, Change change, const Ids &gids, const Ids &rids, const Ids &uids,
	   const std::set<std::string> &events = std::set<std::string>())
{
	auto &x = *l.client;

	ok(c.call(
		S { return change == ADD ? x.addListen(gids, rids, uids, events) :
			change == REMOVE ? x.removeListen(gids, rids, uids, events) : x.setListen(gids, rids, uids, events); },
		A { change == ADD ? x.addListen(gids, rids, uids, events, done(answer)) :
			change == REMOVE ? x.removeListen(gids, rids, uids, events, done(answer)) : x.setListen(gids, rids, uids, events, done(answer)); }));
}

static void
listen_all(Column &c, Listener &l, bool groups, bool rooms, bool p2p, bool events)
{
	auto &x = *l.client;

	ok(c.call(S { return x.setListen(groups, rooms, p2p, events); },
			  A { x.setListen(groups, rooms, p2p, events, done(answer)); }));
}

static void
check_push(const rtm::RTMMessage &m, Id from, Id to, int mtype, const std::string &msg, const std::string &attrs)
{
	same("sender", m.fromUid, from);
	same("recipient", m.toId, to);
	same("mtype", (int) m.messageType, mtype);
	same("message", m.message, msg);
	same("attrs", m.attrs, attrs);
	expect(std::llabs(m.modifiedTime - (Id) time(NULL) * 1000) < 60000, "mtime is not the time in milliseconds");
}

static const char *push_names[] = {"", "pushP2PMessage", "pushGroupMessage", "pushRoomMessage"};

static void
add_push_row(Kind kind)
{
	row(std::string("addListen, ") + push_names[kind], [kind](Column &c) {
		Listener l = listener(c);
		Id to = place(c, kind, 60 + kind), other = place(c, kind, 64 + kind);
		Ids here = {kind == P2P ? c.id(1) : to};

		listen(c, l, ADD, kind == GROUP ? here : Ids(), kind == ROOM ? here : Ids(), kind == P2P ? here : Ids());
		Id mid = send(c, kind, c.id(1), to, 51, TEXT, "attrs");
		check_push(l.pushes->wait(push_names[kind], mid), c.id(1), to, 51, TEXT, "attrs");
		l.pushes->once(mid);
		if (kind == P2P)
			mid = send(c, kind, c.id(5), c.id(6), 51, "of others");
		else
			mid = send(c, kind, c.id(1), other, 51, "elsewhere");
		l.pushes->none(mid);
	});
}

static void
add_chat_push_rows(Kind kind)
{
	for (int cmd = 0; cmd < 2; cmd++)
		row(std::string("push") + kind_names[kind] + (cmd ? "Cmd" : "Chat"), [kind, cmd](Column &c) {
			Listener l = listener(c);
			Id to = place(c, kind, 60 + kind);
			std::string name = std::string("push") + kind_names[kind] + (cmd ? "Cmd" : "Chat");

			listen_all(c, l, true, true, true, false);
			Id mid = chat(c, kind, cmd, c.id(1), to, "a chat", "attrs");
			if (cmd)
			{
				check_push(l.pushes->wait(name, mid), c.id(1), to, 32, "a chat", "attrs");
				return;
			}
			/* it takes a chat for a JSON object of translations, and nothing else */
			rtm::RTMMessage m;
			try
			{
				m = l.pushes->wait(name, mid, 2000);
			}
			catch (const Mismatch &)
			{
				m = l.pushes->wait(push_names[kind], mid);
			}
			check_push(m, c.id(1), to, 30, m.message, "attrs");
			if (m.message != "a chat")
				throw SdkBug{"it drops the text of a chat that is no JSON"};
		});
}

/* File descriptors of this process that are connected to the gate. */
static std::set<int>
connections(int port)
{
	std::set<int> fds;

	for (int fd = 0; fd < 1024; fd++)
	{
		struct sockaddr_in address;
		socklen_t len = sizeof(address);

		if (getpeername(fd, (struct sockaddr *) &address, &len) == 0 && address.sin_family == AF_INET &&
			ntohs(address.sin_port) == port)
			fds.insert(fd);
	}
	return fds;
}

static void
add_listening_rows(const Options &options)
{
	int port = options.port;

	for (Kind kind : {P2P, GROUP, ROOM})
		add_push_row(kind);
	row("pushP2PMessage, binary", [](Column &c) {
		Listener l = listener(c);

		listen(c, l, ADD, {}, {}, {c.id(1)});
		Id mid = send(c, P2P, c.id(1), c.id(2), 51, binary());
		check_push(l.pushes->wait("pushP2PMessage", mid), c.id(1), c.id(2), 51, binary(), "");
	});
	row("addListen, events", [](Column &c) {
		Listener l = listener(c);

		listen(c, l, ADD, {}, {}, {}, {"login", "logout"});
		listen(c, l, REMOVE, {}, {}, {}, {"login"});
	});
	row("removeListen", [](Column &c) {
		Listener l = listener(c);
		Id gid = group(c, 66, {c.id(1)});

		listen(c, l, ADD, {gid}, {}, {c.id(1)});
		try
		{
			listen(c, l, REMOVE, {gid}, {}, {});
			Id gone = send(c, GROUP, c.id(1), gid, 51, "nobody listens");
			Id mid = send(c, P2P, c.id(1), c.id(2), 51, "still listened to");
			l.pushes->wait("pushP2PMessage", mid);
			l.pushes->none(gone);
		}
		catch (const Mismatch &m)
		{
			if (c.callbacks)
				throw SdkBug{"with a callback it sends addlisten"};
			throw m;
		}
	});
	row("setListen", [](Column &c) {
		Listener l = listener(c);
		Id first = group(c, 67, {c.id(1)}), second = group(c, 68, {c.id(1)});

		listen(c, l, ADD, {first}, {}, {});
		listen(c, l, SET, {second}, {}, {});
		Id gone = send(c, GROUP, c.id(1), first, 51, "replaced");
		Id mid = send(c, GROUP, c.id(1), second, 51, "set");
		l.pushes->wait("pushGroupMessage", mid);
		l.pushes->none(gone);
		listen(c, l, SET, {}, {}, {});
		l.pushes->none(send(c, GROUP, c.id(1), second, 51, "set to nothing"));
	});
	row("setListen, all", [](Column &c) {
		Listener l = listener(c);
		Id gid = group(c, 69, {c.id(1)}), rid = room(c, 70, {c.id(1)});

		listen_all(c, l, true, true, true, true);
		l.pushes->wait("pushP2PMessage", send(c, P2P, c.id(1), c.id(2), 51, "all p2p"));
		l.pushes->wait("pushGroupMessage", send(c, GROUP, c.id(1), gid, 51, "all groups"));
		l.pushes->wait("pushRoomMessage", send(c, ROOM, c.id(1), rid, 51, "all rooms"));
		listen_all(c, l, true, false, false, false);
		Id gone = send(c, P2P, c.id(1), c.id(2), 51, "no p2p any more");
		l.pushes->wait("pushGroupMessage", send(c, GROUP, c.id(1), gid, 51, "groups still"));
		l.pushes->none(gone);
	});
	row("sendMessages: a push for each recipient", [](Column &c) {
		Listener l = listener(c);
		Ids to = {c.id(2), c.id(3), c.id(4)};
		Id mid = 0;

		listen(c, l, ADD, {}, {}, {c.id(1)});
		ok(unique(S { return c.client->sendMessages(mid, c.id(1), to, 51, "to all", ""); }));
		for (int i = 0; i < TIMEOUT * 100 && l.pushes->recipients(mid).size() < 3; i++)
			pause_ms(10);
		same("recipients", l.pushes->recipients(mid), to);
	});
	for (Kind kind : {P2P, GROUP, ROOM})
		add_chat_push_rows(kind);
	row("pushP2PFile", [](Column &c) {
		Listener l = listener(c);

		listen(c, l, ADD, {}, {}, {c.id(1)});
		Id mid = send(c, P2P, c.id(1), c.id(2), 40, "{\"url\":\"http://x/y\",\"size\":17}", "{\"rtm\":{},\"custom\":{\"a\":\"b\"}}");
		rtm::RTMMessage m = l.pushes->wait("pushP2PFile", mid);
		expect(m.fileInfo != nullptr, "no information about the file");
		same("url", m.fileInfo->url, std::string("http://x/y"));
	});
	row("200 pushes, each once, complete", [](Column &c) {
		Listener l = listener(c);
		std::vector<Id> mids;

		listen(c, l, ADD, {}, {}, {c.id(1)});
		for (int i = 0; i < 200; i++)
			mids.push_back(send(c, P2P, c.id(1), c.id(300 + i), 51, "push"));
		for (int i = 0; i < TIMEOUT * 100 && l.pushes->mids().size() < 200; i++)
			pause_ms(10);
		std::vector<Id> pushed = l.pushes->mids();
		std::sort(pushed.begin(), pushed.end());
		std::sort(mids.begin(), mids.end());
		same("mids of what was pushed", pushed, mids);
	});
	row("setListen, restored when reconnected", [port](Column &c) {
		std::set<int> before = connections(port);
		Listener l = listener(c);

		listen(c, l, SET, {}, {}, {c.id(1)});
		listen_all(c, l, false, true, false, false);
		for (int fd : connections(port))
			if (!before.count(fd))
				shutdown(fd, SHUT_RDWR);
		for (int i = 0; i < TIMEOUT; i++)
		{
			Id mid = send(c, P2P, c.id(1), c.id(2), 51, "after reconnecting");

			try
			{
				l.pushes->wait("pushP2PMessage", mid, 500);
				return;
			}
			catch (const Mismatch &)
			{
			}
		}
		throw Mismatch{"nothing is pushed after the SDK reconnected"};
	});
}

/* -- main ---------------------------------------------------------------- */

static std::string
one_line(std::string text)
{
	for (char &ch : text)
		if ((unsigned char) ch < 32)
			ch = ' ';
	return text;
}

static void
report(const std::string &row, const std::string &column, const std::function<void ()> &check)
{
	std::string result = "ok", remark;

	try
	{
		check();
	}
	catch (const Mismatch &m)
	{
		result = "FAILED";
		remark = m.text;
	}
	catch (const SdkBug &m)
	{
		result = "SDK";
		remark = m.text;
	}
	catch (const std::exception &e)
	{
		result = "FAILED";
		remark = e.what();
	}
	printf("%s\t%s\t%s\t%s\n", row.c_str(), column.c_str(), result.c_str(), one_line(remark).c_str());
	fflush(stdout);
}

static void
run_curve(const Options &options)
{
	for (Encryption encryption : {PACKAGE, STREAM})
		for (bool strong : {false, true})
			for (bool callbacks : {false, true})
			{
				report(options.curve + (strong ? ", 256 bits" : ", 128 bits"), Column::name_of(encryption, callbacks), [&] {
					Column c(options, encryption, callbacks, strong);
					Listener l = listener(c);

					listen(c, l, ADD, {}, {}, {c.id(1)});
					Id mid = send(c, P2P, c.id(1), c.id(2), 51, TEXT);
					check_push(l.pushes->wait("pushP2PMessage", mid), c.id(1), c.id(2), 51, TEXT, "");
					check_info(c, P2P, mid, c.id(1), c.id(2), 51, TEXT, "");
				});
			}
}

int
main(int argc, char **argv)
{
	const char *only = getenv("INTEROP_ROW");
	Options options;

	if (argc != 8)
	{
		fprintf(stderr, "usage: %s HOST PORT PID SECRET PEM COLUMNS CURVE\n", argv[0]);
		return 2;
	}
	options.host = argv[1];
	options.port = atoi(argv[2]);
	options.pid = atoi(argv[3]);
	options.secret = argv[4];
	options.pem = argv[5];
	options.columns = argv[6];
	options.curve = argv[7];
	if (options.columns == "curve")
	{
		run_curve(options);
		fflush(stdout);
		_exit(0);
	}
	for (Kind kind : {P2P, GROUP, ROOM, BROADCAST})
		add_message_rows(kind);
	add_list_rows();
	for (Kind kind : {P2P, GROUP, ROOM, BROADCAST})
		add_chat_rows(kind);
	add_other_rows();
	add_member_rows();
	add_ban_rows(GROUP);
	add_ban_rows(ROOM);
	add_listening_rows(options);
	for (Encryption encryption : {PLAIN, PACKAGE, STREAM})
		for (bool callbacks : {false, true})
		{
			std::unique_ptr<Column> c;

			report("connecting", Column::name_of(encryption, callbacks), [&] {
				c.reset(new Column(options, encryption, callbacks));
			});
			for (const auto &r : rows)
				if (c && (only == NULL || r.first.find(only) != std::string::npos))
					report(r.first, c->name, [&] { r.second(*c); });
		}
	fflush(stdout);
	_exit(0);					/* the SDK's threads never end */
}
