/*
 * Drives the vendor's Java server SDK against a gate.
 *
 *	java JavaSdk HOST PORT PID SECRET PEM COLUMNS CURVE
 *
 * PEM is the gate's public key; COLUMNS "all", or "curve" for the few rows that are run
 * again for each curve.  Prints a line for each row and column, as table.pl reads it.
 */
import com.fpnn.rtm.RTMException;
import com.fpnn.rtm.RTMServerClient;
import com.fpnn.rtm.RTMServerClientBase.RTMHistoryMessage;
import com.fpnn.rtm.RTMServerClientBase.RTMHistoryMessageUnit;
import com.fpnn.rtm.RTMServerClientBase.RTMMessage;
import com.fpnn.rtm.RTMServerClientBase.RTMMessageCount;
import com.fpnn.rtm.api.APIBase;
import com.fpnn.rtm.api.ServerPushMonitorAPI;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

public class JavaSdk {
    static final int TIMEOUT = 10000;       // milliseconds that a call or a push may take
    static final int GRACE = 300;           // in which something that must not come would have come
    static final String TEXT = "h\u00e9llo \u4f60\u597d \ud83d\ude00 \"\\\n\u0001";

    static String host, secret, pem, curve;
    static int port, project;
    static PrintStream out;

    // The gate did something else than the SDK or its documents expect.
    static class Mismatch extends RuntimeException {
        Mismatch(String text) {
            super(text);
        }
    }

    // The SDK itself is in the way; says how.
    static class SdkBug extends RuntimeException {
        SdkBug(String text) {
            super(text);
        }
    }

    static void expect(boolean good, String text) {
        if (!good)
            throw new Mismatch(text);
    }

    static void same(String what, Object got, Object want) {
        String a = String.valueOf(got), b = String.valueOf(want);

        expect(a.equals(b), what + " is " + a.substring(0, Math.min(300, a.length())) + ", not " +
            b.substring(0, Math.min(300, b.length())));
    }

    static Set<Long> set(Long... ids) {
        return new TreeSet<>(Arrays.asList(ids));
    }

    static boolean until(BooleanSupplier condition, int ms) throws InterruptedException {
        for (long end = System.currentTimeMillis() + ms; System.currentTimeMillis() < end; Thread.sleep(5))
            if (condition.getAsBoolean())
                return true;
        return condition.getAsBoolean();
    }

    // ---- calls by name, as the kinds of conversations have methods of their own

    static boolean fits(Class<?> type, Object arg) {
        if (!type.isPrimitive())
            return arg == null || type.isInstance(arg);
        return type == long.class && arg instanceof Long || type == int.class && arg instanceof Integer ||
            type == byte.class && arg instanceof Byte || type == boolean.class && arg instanceof Boolean;
    }

    static Object call(RTMServerClient client, String name, Object... args) throws Exception {
        for (Method method : client.getClass().getMethods()) {
            Class<?>[] types = method.getParameterTypes();
            boolean fitting = method.getName().equals(name) && types.length == args.length;

            for (int i = 0; fitting && i < args.length; i++)
                fitting = fits(types[i], args[i]);
            if (!fitting)
                continue;
            try {
                return method.invoke(client, args);
            } catch (InvocationTargetException e) {
                throw (Exception) e.getCause();
            }
        }
        throw new Mismatch("the SDK has no " + name + " with " + Arrays.toString(args));
    }

    static Object[] args(Object... parts) {
        List<Object> all = new ArrayList<>();

        for (Object part : parts) {
            if (part instanceof Object[])
                all.addAll(Arrays.asList((Object[]) part));
            else
                all.add(part);
        }
        return all.toArray();
    }

    // ---- what a listening client was told

    static class Pushes implements ServerPushMonitorAPI {
        final List<String> names = new ArrayList<>();
        final List<RTMMessage> messages = new ArrayList<>();

        synchronized void add(String name, RTMMessage m) {
            names.add(name);
            messages.add(m);
        }

        @Override public void pushP2PMessage(RTMMessage m) { add("P2PMessage", m); }
        @Override public void pushGroupMessage(RTMMessage m) { add("GroupMessage", m); }
        @Override public void pushRoomMessage(RTMMessage m) { add("RoomMessage", m); }
        @Override public void pushP2PChat(RTMMessage m) { add("P2PChat", m); }
        @Override public void pushGroupChat(RTMMessage m) { add("GroupChat", m); }
        @Override public void pushRoomChat(RTMMessage m) { add("RoomChat", m); }
        @Override public void pushP2PCmd(RTMMessage m) { add("P2PCmd", m); }
        @Override public void pushGroupCmd(RTMMessage m) { add("GroupCmd", m); }
        @Override public void pushRoomCmd(RTMMessage m) { add("RoomCmd", m); }
        @Override public void pushP2PFile(RTMMessage m) { add("P2PFile", m); }

        // The message with this mid; null: it hasn't come.  A name that is another one is an error.
        synchronized RTMMessage of(String name, long mid) {
            for (int i = 0; i < names.size(); i++) {
                if (messages.get(i).messageId != mid)
                    continue;
                same("the push", names.get(i), name);
                return messages.get(i);
            }
            return null;
        }

        RTMMessage await(String name, long mid) throws InterruptedException {
            expect(until(() -> of(name, mid) != null, TIMEOUT), name + " did not come");
            return of(name, mid);
        }

        void count(long mid, long want) throws InterruptedException {
            Thread.sleep(GRACE);
            synchronized (this) {
                same("number of pushes", messages.stream().filter(m -> m.messageId == mid).count(), want);
            }
        }
    }

    // ---- a column of the table: a way to connect

    static int columns = 0;

    static class Column {
        final String name;
        final String curve;     // null: plain
        final long base;
        final List<RTMServerClient> all = new ArrayList<>();
        RTMServerClient client;

        Column(String name, String curve) {
            this.name = name;
            this.curve = curve;
            // nothing that a column makes is seen by another one or by another run
            base = System.currentTimeMillis() / 1000 % 100000 * 1000000000L + ++columns * 1000L;
        }

        RTMServerClient open(int project, String secret) throws Exception {
            // of a coordinate with a leading zero the SDK loses the zero: another key of its own, then
            for (int i = 0; i < 20; i++) {
                RTMServerClient client = new RTMServerClient(project, secret, host, port);

                all.add(client);
                client.setQuestTimeout(TIMEOUT / 1000);
                if (curve != null && !client.enableEncryptorByDerData(curve, der()))
                    throw new SdkBug("this Java knows no such curve");
                if (!client.connect(true))
                    continue;
                if (curve != null && project == JavaSdk.project && secret.equals(JavaSdk.secret)) {
                    try {
                        client.isGroupMember(id(1), id(1));
                    } catch (RTMException e) {
                        client.close();
                        continue;
                    }
                }
                return client;
            }
            throw new Mismatch("no connection");
        }

        RTMServerClient another() throws Exception {
            return open(project, secret);
        }

        Long id(long n) {
            return base + n;
        }

        Object ok(String method, Object... args) throws Exception {
            return call(client, method, args);
        }

        void fails(int code, String method, Object... args) throws Exception {
            int got = 0;

            try {
                call(client, method, args);
            } catch (RTMException e) {
                got = e.getCode();
            }
            same("the error", got, code);
        }

        Long group(long n, Long... uids) throws Exception {
            client.addGroupMembers(id(n), set(uids));
            return id(n);
        }

        Long room(long n, Long... uids) throws Exception {
            for (Long uid : uids)
                client.addRoomMember(id(n), uid);
            return id(n);
        }

        // A send: the SDK tells the time and not the mid, which is that of the newest message then.
        RTMMessage send(Kind k, String what, Object[] to, Object... rest) throws Exception {
            long mtime = (Long) ok(k.send + what, args(id(1), to, rest));
            RTMMessage m = page(k, "Msg", to, true, 1, 0, 0, 0, null).messageList.get(0).message;

            expect(Math.abs(mtime - System.currentTimeMillis()) < 60000, "mtime is not the time in milliseconds");
            same("mtime of the newest message", m.modifiedTime, mtime);
            return m;
        }

        RTMHistoryMessage page(Kind k, String what, Object[] to, boolean desc, int count, long begin, long end, long last,
            List<Byte> mtypes) throws Exception {
            Object[] in = args(id(1), to, desc, count, begin, end, last);

            if (what.equals("Msg"))
                in = args(in, (Object) (mtypes == null ? new ArrayList<Byte>() : mtypes));
            return (RTMHistoryMessage) ok("get" + k.history + what, in);
        }

        // every page, by the cursor that the last one gave
        List<RTMHistoryMessageUnit> readAll(Kind k, String what, Object[] to, boolean desc, int count, List<Byte> mtypes) throws Exception {
            List<RTMHistoryMessageUnit> list = new ArrayList<>();
            long begin = 0, end = 0, last = 0;

            for (;;) {
                RTMHistoryMessage page = page(k, what, to, desc, count, begin, end, last, mtypes);

                same("count", page.count, page.messageList.size());
                // deleted ones are left out by the SDK: a page of them has none and is not the last
                if (page.count == 0 && (page.lastCursorId == 0 || page.lastCursorId == last))
                    return list;
                list.addAll(page.messageList);
                expect(page.lastCursorId != last, "the cursor stands still");
                begin = page.beginMsec;
                end = page.endMsec;
                last = page.lastCursorId;
            }
        }

        void checkInfo(String method, Kind k, Object[] to, long mid, int mtype, String msg, String attrs, long mtime) throws Exception {
            RTMHistoryMessageUnit m = (RTMHistoryMessageUnit) ok(method, mid, id(1), xid(to), k.type);

            same("mtype, message, attrs, mtime", list(m.message), Arrays.asList(mtype, msg, attrs, mtime));
            expect(m.cursorId > 0, "no cursor id");
        }

        void close() {
            all.forEach(RTMServerClient::close);
        }
    }

    static List<Object> list(RTMMessage m) {
        return Arrays.asList((int) m.messageType, m.stringMessage, m.attrs, m.modifiedTime);
    }

    static byte[] der() throws Exception {
        String text = new String(Files.readAllBytes(Paths.get(pem))).replaceAll("-----[A-Z ]*-----|\\s", "");

        return Base64.getDecoder().decode(text);
    }

    // ---- rows

    interface Check {
        void run(Column c) throws Exception;
    }

    static final Map<String, Check> rows = new java.util.LinkedHashMap<>();

    enum Kind {
        P2P("send", "P2P", "P2P", APIBase.MessageType.MESSAGE_TYPE_P2P),
        Group("sendGroup", "Group", "Group", APIBase.MessageType.MESSAGE_TYPE_GROUP),
        Room("sendRoom", "Room", "Room", APIBase.MessageType.MESSAGE_TYPE_ROOM),
        Broadcast("sendBroadcast", "BroadCast", "Broadcast", APIBase.MessageType.MESSAGE_TYPE_BROADCAST);

        final String send, history, delete;
        final APIBase.MessageType type;

        Kind(String send, String history, String delete, APIBase.MessageType type) {
            this.send = send;
            this.history = history;
            this.delete = "delete" + delete;
            this.type = type;
        }

        // where user 1 sends a message of that kind: nothing for a broadcast
        Object[] place(Column c, long n) throws Exception {
            switch (this) {
                case P2P:
                    return new Object[] {c.id(n + 1)};
                case Group:
                    return new Object[] {c.group(n + 2, c.id(1))};
                case Room:
                    return new Object[] {c.room(n + 3, c.id(1))};
                default:
                    return new Object[0];
            }
        }
    }

    static Long xid(Object[] to) {
        return to.length == 0 ? 0L : (Long) to[0];
    }

    static void messageRows(Kind k) {
        rows.put(k.send + "Message", c -> {
            Object[] to = k.place(c, 20);
            RTMMessage m = c.send(k, "Message", to, (byte) 51, TEXT, "{\"k\":1}");

            c.checkInfo("getMsg", k, to, m.messageId, 51, TEXT, "{\"k\":1}", m.modifiedTime);
        });
        rows.put(k.send + "Message, binary", c -> {
            Object[] to = k.place(c, 20);
            byte[] bytes = {0, 1, -1, -2};
            RTMMessage m = c.send(k, "Message", to, (byte) 51, bytes, "");

            if (m.binaryMessage == null && m.stringMessage.startsWith("[B@"))
                throw new SdkBug("of what is binary it gives the array's name");
            same("the message", Arrays.toString(m.binaryMessage), Arrays.toString(bytes));
        });
        rows.put("get" + k.history + "Msg", c -> {
            Object[] to = k.place(c, 25);
            List<Object> sent = new ArrayList<>(), some = new ArrayList<>(), reversed = new ArrayList<>();
            List<Long> mids = new ArrayList<>(), times = new ArrayList<>();
            int i = 0;

            for (int mtype : new int[] {51, 52, 51, 60, 51, 52, 51}) {
                RTMMessage m = c.send(k, "Message", to, (byte) mtype, "message " + i + " " + TEXT, "attrs " + i);
                List<Object> one = Arrays.asList(mtype, "message " + i + " " + TEXT, "attrs " + i++, m.modifiedTime);

                mids.add(m.messageId);
                times.add(m.modifiedTime);
                sent.add(one);
                reversed.add(0, one);
                if (mtype != 51)
                    some.add(one);
                Thread.sleep(2);
            }
            List<RTMHistoryMessageUnit> forward = c.readAll(k, "Msg", to, false, 3, null);
            same("forwards", ours(forward, mids), sent);
            same("sender", forward.get(forward.size() - 1).message.fromUid, c.id(1));
            same("backwards", ours(c.readAll(k, "Msg", to, true, 3, null), mids), reversed);
            same("with mtypes", ours(c.readAll(k, "Msg", to, false, 20, Arrays.asList((byte) 52, (byte) 60)), mids), some);
            RTMHistoryMessage page = c.page(k, "Msg", to, false, 20, times.get(2), times.get(4), 0, null);
            same("from begin to end", ours(page.messageList, mids), sent.subList(2, 5));
        });
        rows.put("getMsg, " + k.delete + "Msg", c -> {
            Object[] to = k.place(c, 20);
            RTMMessage m = c.send(k, "Message", to, (byte) 99, TEXT, "");

            c.checkInfo("getMsg", k, to, m.messageId, 99, TEXT, "", m.modifiedTime);
            c.ok(k.delete + "Msg", args(m.messageId, c.id(1), to));
            c.fails(200070, "getMsg", m.messageId, c.id(1), xid(to), k.type);
        });
        for (String word : new String[] {"Chat", "Cmd"}) {
            int mtype = word.equals("Chat") ? 30 : 32;

            rows.put(k.send + word, c -> {
                Object[] to = k.place(c, 30);
                RTMMessage m = c.send(k, word, to, TEXT, "{\"x\":[]}");

                c.checkInfo("getChat", k, to, m.messageId, mtype, TEXT, "{\"x\":[]}", m.modifiedTime);
            });
        }
        rows.put("get" + k.history + "Chat, " + k.delete + "Chat", c -> {
            Object[] to = k.place(c, 35);
            long chat = c.send(k, "Chat", to, "chat", "").messageId;
            long other = c.send(k, "Message", to, (byte) 51, "no chat", "").messageId;
            List<RTMHistoryMessageUnit> found = c.readAll(k, "Chat", to, false, 20, null);

            expect(found.stream().anyMatch(m -> m.message.messageId == chat), "the chat is not there");
            c.ok(k.delete + "Chat", args(chat, c.id(1), to));
            c.fails(200070, "getChat", chat, c.id(1), xid(to), k.type);
            if (found.stream().anyMatch(m -> m.message.messageId == other))
                throw new SdkBug("it asks for chats without saying so: all messages come");
        });
    }

    static List<Object> ours(List<RTMHistoryMessageUnit> messages, List<Long> mids) {
        List<Object> found = new ArrayList<>();

        for (RTMHistoryMessageUnit m : messages)
            if (mids.contains(m.message.messageId))
                found.add(list(m.message));
        return found;
    }

    static void moreMessageRows() {
        rows.put("sendMessages, sendChats, sendCmds", c -> {
            Set<Long> others = set(c.id(3), c.id(4), c.id(5));
            Object[] last = {c.id(5)};

            long mtime = c.client.sendMessages(c.id(1), others, (byte) 53, TEXT, "attrs");
            for (Long uid : others) {
                RTMMessage m = c.page(Kind.P2P, "Msg", new Object[] {uid}, true, 1, 0, 0, 0, null).messageList.get(0).message;
                same("mtype, message, attrs, mtime", list(m), Arrays.asList(53, TEXT, "attrs", mtime));
            }
            c.client.sendChats(c.id(1), others, "a chat", "");
            same("the chat", c.page(Kind.P2P, "Msg", last, true, 1, 0, 0, 0, null).messageList.get(0).message.stringMessage, "a chat");
            c.client.sendCmds(c.id(1), others, "a command", "");
            same("the command", c.page(Kind.P2P, "Msg", last, true, 1, 0, 0, 0, null).messageList.get(0).message.stringMessage, "a command");
            c.fails(200033, "sendMessages", c.id(1), set(), (byte) 53, "x", "");
        });
        rows.put("sendMessage, errors", c -> {
            String x = String.join("", Collections.nCopies(2048, "x"));

            c.fails(200005, "sendMessage", c.id(1), c.id(2), (byte) 0, "x", "");
            c.fails(200052, "sendMessage", c.id(1), c.id(1), (byte) 51, "x", "");
            c.fails(200030, "sendMessage", c.id(1), c.id(2), (byte) 51, String.join("", Collections.nCopies(20481, "x")), "");
            c.fails(200030, "sendMessage", c.id(1), c.id(2), (byte) 51, "x", x + "x");
            c.ok("sendMessage", c.id(1), c.id(2), (byte) 51, String.join("", Collections.nCopies(20480, "x")), x);
        });
        rows.put("200 sends at once, with callbacks", c -> {
            CountDownLatch left = new CountDownLatch(200);
            AtomicInteger bad = new AtomicInteger();

            for (int i = 0; i < 200; i++)
                c.client.sendMessage(c.id(1), c.id(8), (byte) 51, "number " + i, "", (time, code, message) -> {
                    if (code != 0 || time == 0)
                        bad.incrementAndGet();
                    left.countDown();
                });
            expect(left.await(TIMEOUT, TimeUnit.MILLISECONDS), left.getCount() + " callbacks were never called");
            same("how many failed", bad.get(), 0);
            same("number of messages", c.readAll(Kind.P2P, "Msg", new Object[] {c.id(8)}, false, 20, null).size(), 200);
        });
        rows.put("getMsgCount", c -> {
            Long gid = c.group(40, c.id(1), c.id(2));

            c.client.sendGroupMessage(c.id(1), gid, (byte) 51, "counted", "");
            c.client.sendGroupMessage(c.id(1), gid, (byte) 52, "counted", "");
            c.client.sendGroupMessage(c.id(2), gid, (byte) 51, "counted", "");
            RTMMessageCount n = c.client.getMsgCount(APIBase.MessageType.MESSAGE_TYPE_GROUP, gid, null, 0, 0);
            same("senders and messages", Arrays.asList(n.sender, n.count), Arrays.asList(2, 3));
            n = c.client.getMsgCount(APIBase.MessageType.MESSAGE_TYPE_GROUP, gid, set(52L), 0, 0);
            same("... with mtypes", Arrays.asList(n.sender, n.count), Arrays.asList(1, 1));
        });
        rows.put("editMsg", c -> {
            Object[] to = {c.group(41, c.id(1))};
            RTMMessage m = c.send(Kind.Group, "Message", to, (byte) 51, "before", "");

            c.client.editMsg(m.messageId, c.id(1), xid(to), Kind.Group.type, "after", "new", 0);
            RTMMessage edited = c.client.getMsg(m.messageId, c.id(1), xid(to), Kind.Group.type).message;
            same("message, attrs", Arrays.asList(edited.stringMessage, edited.attrs), Arrays.asList("after", "new"));
        });
        rows.put("deleteConversationMsg", c -> {
            Object[] to = {c.group(42, c.id(1))};
            RTMMessage m = c.send(Kind.Group, "Message", to, (byte) 51, "goes", "");

            c.client.deleteConversationMsg(c.id(1), xid(to), Kind.Group.type);
            c.fails(200070, "getMsg", m.messageId, c.id(1), xid(to), Kind.Group.type);
        });
    }

    static void placeRows() {
        rows.put("addGroupMembers, getGroupMembers, isGroupMember", c -> {
            same("members of no group", c.client.getGroupMembers(c.id(51)), set());
            c.group(51, c.id(1), c.id(2));
            Long gid = c.group(51, c.id(2), c.id(3));
            same("members", new TreeSet<>(c.client.getGroupMembers(gid)), set(c.id(1), c.id(2), c.id(3)));
            same("a member", c.client.isGroupMember(c.id(1), gid), true);
            same("no member", c.client.isGroupMember(c.id(4), gid), false);
        });
        rows.put("delGroupMembers, delGroup, getUserGroups", c -> {
            Long gid = c.group(52, c.id(1), c.id(2)), other = c.group(53, c.id(2));

            same("groups", new TreeSet<>(c.client.getUserGroups(c.id(2))).containsAll(set(gid, other)), true);
            c.client.delGroupMembers(gid, set(c.id(1)));
            c.fails(200041, "sendGroupMessage", c.id(1), gid, (byte) 51, "x", "");
            c.ok("sendGroupMessage", c.id(2), gid, (byte) 51, "x", "");
            c.client.delGroup(gid);
            same("members", c.client.getGroupMembers(gid), set());
        });
        rows.put("addRoomMember, getRoomMembers, delRoomMember, getRoomUserCount", c -> {
            Long rid = c.room(55, c.id(1), c.id(2)), other = c.room(56, c.id(1));
            Map<Long, Integer> counts = c.client.getRoomUserCount(set(rid, other));

            same("numbers of members", Arrays.asList(counts.get(rid), counts.get(other)), Arrays.asList(2, 1));
            same("members", new TreeSet<>(c.client.getRoomMembers(rid)), set(c.id(1), c.id(2)));
            c.client.delRoomMember(rid, c.id(1));
            same("members", c.client.getRoomMembers(rid), set(c.id(2)));
            c.fails(200040, "sendRoomMessage", c.id(1), rid, (byte) 51, "x", "");
        });
        rows.put("addGroupBan, isBanOfGroup, removeGroupBan", c -> {
            Long gid = c.group(60, c.id(1));

            c.client.addGroupBan(gid, c.id(1), 100);
            same("banned", c.client.isBanOfGroup(c.id(1), gid), true);
            c.fails(200044, "sendGroupMessage", c.id(1), gid, (byte) 51, "x", "");
            c.client.removeGroupBan(gid, c.id(1));
            c.ok("sendGroupMessage", c.id(1), gid, (byte) 51, "x", "");
            if (c.client.isBanOfGroup(c.id(1), gid))
                throw new SdkBug("isBanOfGroup asks whether somebody is a member");
        });
        rows.put("addRoomBan, isBanOfRoom, removeRoomBan", c -> {
            Long rid = c.room(61, c.id(1));

            c.client.addRoomBan(rid, c.id(1), 100);
            same("banned", c.client.isBanOfRoom(rid, c.id(1)), true);
            c.fails(200045, "sendRoomMessage", c.id(1), rid, (byte) 51, "x", "");
            c.client.removeRoomBan(rid, c.id(1));
            same("banned", c.client.isBanOfRoom(rid, c.id(1)), false);
        });
        rows.put("addProjectBlack, isProjectBlack, removeProjectBlack", c -> {
            Long uid = c.id(17);

            c.client.addProjectBlack(uid, 100);
            same("black", c.client.isProjectBlack(uid), true);
            try {
                c.client.sendMessage(uid, c.id(2), (byte) 51, "x", "");
                throw new Mismatch("a user on the blacklist sends");
            } catch (RTMException e) {
                expect(e.getCode() == 200024 || e.getCode() == 200049, "a user on the blacklist sends: error " + e.getCode());
            }
            c.client.removeProjectBlack(uid);
            same("black", c.client.isProjectBlack(uid), false);
        });
    }

    static void listenRows() {
        for (Kind k : new Kind[] {Kind.P2P, Kind.Group, Kind.Room}) {
            rows.put("setListen, push" + k + "Message", c -> {
                Pushes told = listener(c, k == Kind.P2P, k == Kind.Group, k == Kind.Room);
                Object[] to = k.place(c, 60);
                RTMMessage m = c.send(k, "Message", to, (byte) 51, TEXT, "attrs");
                RTMMessage p = told.await(k + "Message", m.messageId);
                Kind other = k == Kind.P2P ? Kind.Group : Kind.P2P;

                same("sender, recipient", Arrays.asList(p.fromUid, p.toId), Arrays.asList(c.id(1), xid(to)));
                same("mtype, message, attrs, mtime", list(p), list(m));
                told.count(m.messageId, 1);
                told.count(c.send(other, "Message", other.place(c, 70), (byte) 51, "nobody listens", "").messageId, 0);
            });
            for (String word : new String[] {"Chat", "Cmd"})
                rows.put("push" + k + word, c -> {
                    Pushes told = listener(c, true, true, true);
                    RTMMessage m = c.send(k, word, k.place(c, 60), TEXT, "attrs");

                    same("message", told.await(k + word, m.messageId).stringMessage, TEXT);
                });
        }
        rows.put("addListen, setListen, removeListen", c -> {
            RTMServerClient client = c.another();
            Pushes told = new Pushes();
            Object[] first = {c.group(67, c.id(1))}, second = {c.group(68, c.id(1))};

            client.setServerPushMonitor(told);
            client.addListen(set(xid(first)), set(), set(), new TreeSet<>());
            told.await("GroupMessage", c.send(Kind.Group, "Message", first, (byte) 51, "x", "").messageId);
            client.setListen(set(xid(second)), set(), set(), new TreeSet<>());
            long gone = c.send(Kind.Group, "Message", first, (byte) 51, "x", "").messageId;
            told.await("GroupMessage", c.send(Kind.Group, "Message", second, (byte) 51, "x", "").messageId);
            told.count(gone, 0);
            client.removeListen(set(xid(second)), set(), set(), new TreeSet<>());
            told.count(c.send(Kind.Group, "Message", second, (byte) 51, "x", "").messageId, 0);
        });
        rows.put("pings are answered: a connection lives", c -> {
            RTMServerClient client = c.another();
            Pushes told = new Pushes();

            client.setServerPushMonitor(told);
            client.setListen(true, true, true, false);
            Thread.sleep(5000);
            told.await("P2PMessage", c.send(Kind.P2P, "Message", new Object[] {c.id(2)}, (byte) 51, "x", "").messageId);
        });
    }

    static Pushes listener(Column c, boolean p2p, boolean groups, boolean rooms) throws Exception {
        RTMServerClient client = c.another();
        Pushes told = new Pushes();

        client.setServerPushMonitor(told);
        client.setListen(p2p, groups, rooms, false);
        return told;
    }

    static void restRows() {
        for (String of : new String[] {"User", "Group", "Room"})
            rows.put("set" + of + "Info, get" + of + "Info", c -> {
                StringBuffer open = new StringBuffer(), closed = new StringBuffer();

                c.ok("set" + of + "Info", c.id(91), "open", "private");
                c.ok("get" + of + "Info", c.id(91), open, closed);
                same("infos", open + " " + closed, "open private");
            });
        rows.put("getUserOpenInfo", c -> {
            c.client.setUserInfo(c.id(91), "open", "private");
            same("infos", c.client.getUserOpenInfo(set(c.id(91))), "{" + c.id(91) + "=open}");
        });
        for (String list : new String[] {"Friends", "Blacks"}) {
            String is = "is" + list.substring(0, list.length() - 1);

            rows.put("add" + list + ", get" + list + ", " + is + ", is" + list + ", del" + list, c -> {
                Set<Long> both = set(c.id(95), c.id(96));

                c.ok("add" + list, c.id(94), both);
                same("the list", new TreeSet<Object>((Set<?>) c.ok("get" + list, c.id(94))), both);
                c.ok("del" + list, c.id(94), set(c.id(96)));
                same("one", c.ok(is, c.id(94), c.id(95)), true);
                same("the other", c.ok(is, c.id(94), c.id(96)), false);
                same("those of both", c.ok("is" + list, c.id(94), both), set(c.id(95)));
                c.ok("del" + list, c.id(94), both);
            });
        }
        rows.put("dataSet, dataGet, dataDel", c -> {
            c.client.dataSet(c.id(91), "colour", TEXT);
            same("value", c.client.dataGet(c.id(91), "colour"), TEXT);
            c.client.dataDel(c.id(91), "colour");
        });
        rows.put("addDevice, removeDevice", c -> {
            c.client.addDevice(c.id(91), "fcm", "token");
            c.client.removeDevice(c.id(91), "token");
        });
        rows.put("addDevicePushOption, getDevicePushOption, removeDevicePushOption", c -> {
            Map<Long, Set<Integer>> p2p = new HashMap<>(), group = new HashMap<>();

            c.client.addDevicePushOption(c.id(97), 0, c.id(98), new TreeSet<>(Arrays.asList(51, 52)));
            c.client.addDevicePushOption(c.id(97), 1, c.id(99), new TreeSet<>(Arrays.asList(53)));
            c.client.getDevicePushOption(c.id(97), p2p, group);
            same("options", new TreeSet<>(p2p.get(c.id(98))) + " " + group, "[51, 52] {" + c.id(99) + "=[53]}");
            c.client.removeDevicePushOption(c.id(97), 0, c.id(98), new TreeSet<>(Arrays.asList(51, 52)));
        });
        rows.put("getToken, removeToken, kickOut, getOnlineUsers", c -> {
            expect(!c.client.getToken(c.id(90)).isEmpty(), "the token is empty");
            c.client.removeToken(c.id(90));
            c.client.kickOut(c.id(90));
            same("users online", c.client.getOnlineUsers(set(c.id(90))), set());
        });
        rows.put("wrong secret: 200002, unknown project: 200001", c -> {
            for (int code : new int[] {200002, 200001}) {
                RTMServerClient client = code == 200002 ? c.open(project, "wrong") : c.open(4711, secret);
                int got = 0;

                try {
                    client.sendMessage(c.id(1), c.id(2), (byte) 51, "x", "");
                } catch (RTMException e) {
                    got = e.getCode();
                }
                same("the error", got, code);
            }
        });
        rows.put("clearProjectMsg", c -> {
            Object[] to = {c.group(99, c.id(1))};
            long mid = c.send(Kind.Group, "Message", to, (byte) 51, "goes", "").messageId;

            c.client.clearProjectMsg(APIBase.ClearType.CLEAR_TYPE_ALL);
            c.fails(200070, "getMsg", mid, c.id(1), xid(to), Kind.Group.type);
        });
    }

    // ---- main

    static boolean report(String name, Column column, Check check) {
        String result = "ok", remark = "";

        try {
            check.run(column);
        } catch (SdkBug e) {
            result = "SDK";
            remark = e.getMessage();
        } catch (Mismatch e) {
            result = "FAILED";
            remark = e.getMessage();
        } catch (Throwable e) {
            StringWriter text = new StringWriter();

            e.printStackTrace(new PrintWriter(text));
            result = "FAILED";
            remark = e + " " + text;
        }
        remark = remark.replaceAll("[\\x00-\\x1f]+", " ");
        out.println(name + "\t" + column.name + "\t" + result + "\t" + remark.substring(0, Math.min(1000, remark.length())));
        out.flush();
        return result.equals("ok");
    }

    static void runColumn(Column c) {
        String only = System.getenv().getOrDefault("INTEROP_ROW", "");

        if (report("connecting", c, column -> column.client = column.another()))
            rows.forEach((name, check) -> {
                if (name.contains(only))
                    report(name, c, check);
            });
        c.close();
    }

    public static void main(String[] argv) throws Exception {
        out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, "UTF-8");
        System.setOut(System.err);      // the SDK's own words
        host = argv[0];
        port = Integer.parseInt(argv[1]);
        project = Integer.parseInt(argv[2]);
        secret = argv[3];
        pem = argv[4];
        curve = argv[6];
        if (argv[5].equals("curve")) {
            Column c = new Column("package", curve);

            report(curve + ", 128 bits", c, column -> {
                column.client = column.another();
                Pushes told = listener(column, true, false, false);
                RTMMessage m = column.send(Kind.P2P, "Message", new Object[] {column.id(2)}, (byte) 51, TEXT, "");
                same("message", told.await("P2PMessage", m.messageId).stringMessage, TEXT);
            });
            c.close();
        } else {
            for (Kind k : Kind.values())
                messageRows(k);
            moreMessageRows();
            placeRows();
            listenRows();
            restRows();
            runColumn(new Column("plain", null));
            runColumn(new Column("package", curve));
        }
        System.exit(0);         // the SDK's threads never end
    }
}
