/*
 * Drives the vendor's Go server SDK against a gate.
 *
 *	run HOST PORT PID SECRET PEM COLUMNS CURVE
 *
 * PEM is the gate's public key; COLUMNS "all", or "curve" for the few rows that are run
 * again for each curve.  Prints a line for each row and column, as table.pl reads it.
 */
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"reflect"
	"regexp"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/highras/rtm-server-sdk-go/src/rtm"
)

const (
	timeout = 10 * time.Second       // that a call or a push may take
	grace   = 300 * time.Millisecond // in which something that must not come would have come
	text    = "h\u00e9llo \u4f60\u597d \U0001f600 \"\\\n\u0001"
)

var host, port, secret, pem, curve string
var project int32

// The gate did something else than the SDK or its documents expect.
type mismatch string

// The SDK itself is in the way; says how.
type sdkBug string

func expect(good bool, format string, args ...interface{}) {
	if !good {
		panic(mismatch(fmt.Sprintf(format, args...)))
	}
}

func same(what string, got, want interface{}) {
	expect(reflect.DeepEqual(got, want), "%s is %.300s, not %.300s", what, fmt.Sprint(got), fmt.Sprint(want))
}

func ok(err error) {
	expect(err == nil, "error: %v", err)
}

var codeOf = regexp.MustCompile(`code: ?(\d+)`)

// The code stands in the text only.
func code(err error) int {
	if err == nil {
		return 0
	}
	if found := codeOf.FindStringSubmatch(err.Error()); found != nil {
		n, _ := strconv.Atoi(found[1])
		return n
	}
	panic(mismatch(fmt.Sprintf("an error without a code: %v", err)))
}

func fails(err error, want int) {
	same("the error", code(err), want)
}

func sorted(ids []int64) []int64 {
	ids = append([]int64{}, ids...)
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

// ---- what a listening client was told

type push struct {
	name string
	m    *rtm.RTMMessage
}

type pushes struct {
	mutex sync.Mutex
	list  []push
}

func (p *pushes) add(name string, m *rtm.RTMMessage) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.list = append(p.list, push{name, m})
}

func (p *pushes) P2PMessage(m *rtm.RTMMessage)   { p.add("P2PMessage", m) }
func (p *pushes) GroupMessage(m *rtm.RTMMessage) { p.add("GroupMessage", m) }
func (p *pushes) RoomMessage(m *rtm.RTMMessage)  { p.add("RoomMessage", m) }
func (p *pushes) P2PChat(m *rtm.RTMMessage)      { p.add("P2PChat", m) }
func (p *pushes) GroupChat(m *rtm.RTMMessage)    { p.add("GroupChat", m) }
func (p *pushes) RoomChat(m *rtm.RTMMessage)     { p.add("RoomChat", m) }
func (p *pushes) P2PCmd(m *rtm.RTMMessage)       { p.add("P2PCmd", m) }
func (p *pushes) GroupCmd(m *rtm.RTMMessage)     { p.add("GroupCmd", m) }
func (p *pushes) RoomCmd(m *rtm.RTMMessage)      { p.add("RoomCmd", m) }
func (p *pushes) P2PFile(m *rtm.RTMMessage)      { p.add("P2PFile", m) }
func (p *pushes) GroupFile(m *rtm.RTMMessage)    { p.add("GroupFile", m) }
func (p *pushes) RoomFile(m *rtm.RTMMessage)     { p.add("RoomFile", m) }
func (p *pushes) Event(pid int32, event string, uid int64, time int32, endpoint string, data string) {
}

func (p *pushes) of(mid int64) []push {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var found []push
	for _, one := range p.list {
		if one.m.MessageId == mid {
			found = append(found, one)
		}
	}
	return found
}

func until(condition func() bool, limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return condition()
}

func (p *pushes) wait(name string, mid int64) *rtm.RTMMessage {
	until(func() bool { return len(p.of(mid)) > 0 }, timeout)
	found := p.of(mid)
	expect(len(found) > 0 && found[0].name == name, "%s did not come; of this message came: %v", name, found)
	return found[0].m
}

func (p *pushes) count(mid int64, want int) {
	time.Sleep(grace)
	same("number of pushes", len(p.of(mid)), want)
}

// ---- a column of the table: a way to connect

type column struct {
	name    string
	connect func(c *rtm.RTMServerClient) error
	base    int64
	client  *rtm.RTMServerClient
	all     []*rtm.RTMServerClient
}

var columns int64

func newColumn(name string, prepare func(c *rtm.RTMServerClient) error) *column {
	columns++
	// nothing that a column makes is seen by another one or by another run
	base := time.Now().Unix()%100000*1000000000 + int64(os.Getpid()%1000)*1000000 + columns*1000
	return &column{name: name, connect: prepare, base: base}
}

// The relay lets a row break the line.
func (c *column) open(endpoint string, project int32, secret string) *rtm.RTMServerClient {
	client := rtm.NewRTMServerClient(project, secret, endpoint)
	client.SetLogger(log.New(io.Discard, "", 0))
	client.SetQuestTimeOut(timeout)
	client.SetAutoReconnect(true)
	ok(c.connect(client))
	c.all = append(c.all, client)
	expect(client.Connect(), "no connection")
	return client
}

func (c *column) another() *rtm.RTMServerClient {
	return c.open(host+":"+port, project, secret)
}

func (c *column) close() {
	for _, client := range c.all {
		go client.Close() // it waits for ever for a connection that is being lost
	}
}

func (c *column) id(n int64) int64 { return c.base + n }

// A send, which gives its mid to callbacks only: (mid, mtime)
func (c *column) send(method string, args ...interface{}) (int64, int64) {
	type answer struct {
		mtime, mid int64
		code       int
		info       string
	}
	done := make(chan answer, 1)
	in := make([]reflect.Value, 0, len(args)+1)
	for _, arg := range append(args, func(mtime int64, mid int64, code int, info string) { done <- answer{mtime, mid, code, info} }) {
		in = append(in, reflect.ValueOf(arg))
	}
	out := reflect.ValueOf(c.client).MethodByName(method).Call(in)
	if err, bad := out[1].Interface().(error); bad {
		ok(err)
	}
	select {
	case a := <-done:
		expect(a.code == 0, "error %d, %s", a.code, a.info)
		expect(a.mid > 0, "the mid is not positive")
		expect(a.mtime > time.Now().UnixNano()/1e6-60000 && a.mtime < time.Now().UnixNano()/1e6+60000, "mtime is not the time in milliseconds")
		return a.mid, a.mtime
	case <-time.After(timeout + time.Second):
		panic(mismatch("the callback of " + method + " was never called"))
	}
}

func (c *column) group(n int64, uids ...int64) int64 {
	ok(c.client.AddGroupMembers(c.id(n), uids))
	return c.id(n)
}

func (c *column) room(n int64, uids ...int64) int64 {
	for _, uid := range uids {
		ok(c.client.AddRoomMember(c.id(n), uid))
	}
	return c.id(n)
}

type kind struct {
	name, send, del string
	number          rtm.MessageType
}

var kinds = []kind{
	{"P2P", "Send", "DelP2P", rtm.MessageType_P2P},
	{"Group", "SendGroup", "DelGroup", rtm.MessageType_Group},
	{"Room", "SendRoom", "DelRoom", rtm.MessageType_Room},
	{"Broadcast", "SendBroadcast", "DelBroadcast", rtm.MessageType_Broadcast},
}

// where user 1 sends a message of that kind: nothing for a broadcast
func (c *column) place(k kind, n int64) []interface{} {
	switch k.name {
	case "P2P":
		return []interface{}{c.id(n)}
	case "Group":
		return []interface{}{c.group(n, c.id(1))}
	case "Room":
		return []interface{}{c.room(n, c.id(1))}
	}
	return nil
}

func xid(to []interface{}) int64 {
	if len(to) == 0 {
		return 0
	}
	return to[0].(int64)
}

func args(parts ...interface{}) []interface{} {
	var all []interface{}
	for _, part := range parts {
		if list, is := part.([]interface{}); is {
			all = append(all, list...)
		} else {
			all = append(all, part)
		}
	}
	return all
}

// what a method of the SDK returns
func call(client *rtm.RTMServerClient, method string, args ...interface{}) []reflect.Value {
	in := make([]reflect.Value, len(args))
	for i, arg := range args {
		in[i] = reflect.ValueOf(arg)
	}
	return reflect.ValueOf(client).MethodByName(method).Call(in)
}

func errorOf(out []reflect.Value) error {
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

type check func(c *column)
type row struct {
	name string
	run  check
}

var rows []row

func addRow(name string, run check) { rows = append(rows, row{name, run}) }

// ---- messages

func (c *column) checkInfo(k kind, mid int64, to []interface{}, mtype int8, msg, attrs string, mtime int64) {
	m, err := c.client.GetMessage(mid, c.id(1), xid(to), k.number)
	ok(err)
	same("mtype, message, attrs, mtime", []interface{}{m.MessageType, m.Message, m.Attrs, m.ModifiedTime}, []interface{}{mtype, msg, attrs, mtime})
	expect(m.CursorId > 0, "no cursor id")
}

func (c *column) page(k kind, what string, to []interface{}, desc bool, num int16, begin, end, last int64, mtypes []int8) *rtm.HistoryMessageResult {
	in := args(desc, num, begin, end, last)
	if k.name == "P2P" {
		in = args(c.id(1), to, in)
	} else {
		in = args(to, in, c.id(1))
	}
	if mtypes != nil {
		in = append(in, mtypes)
	}
	out := call(c.client, "Get"+k.name+what, in...)
	ok(errorOf(out))
	return out[0].Interface().(*rtm.HistoryMessageResult)
}

// every page, by the cursor that the last one gave
func (c *column) readAll(k kind, what string, to []interface{}, desc bool, num int16, mtypes []int8) []*rtm.HistoryMessageUnit {
	var all []*rtm.HistoryMessageUnit
	var begin, end, last int64

	for {
		page := c.page(k, what, to, desc, num, begin, end, last, mtypes)
		same("count", int(page.Num), len(page.Messages))
		if page.Num == 0 {
			return all
		}
		all = append(all, page.Messages...)
		expect(page.LastCursorId != last, "the cursor stands still")
		begin, end, last = page.Begin, page.End, page.LastCursorId
	}
}

type sent struct {
	mid   int64
	mtype int8
	msg   string
	attrs string
	mtime int64
}

func ours(messages []*rtm.HistoryMessageUnit, list []sent) []sent {
	var found []sent
	for _, m := range messages {
		for _, s := range list {
			if s.mid == m.MessageId {
				found = append(found, sent{m.MessageId, m.MessageType, m.Message, m.Attrs, m.ModifiedTime})
			}
		}
	}
	return found
}

func messageRows(k kind) {
	addRow(k.send+"Message", func(c *column) {
		to := c.place(k, 20+int64(k.number))
		mid, mtime := c.send(k.send+"Message", args(c.id(1), to, int8(51), text, `{"k":1}`)...)
		c.checkInfo(k, mid, to, 51, text, `{"k":1}`, mtime)
	})
	addRow(k.send+"Message, synchronously and binary", func(c *column) {
		to := c.place(k, 20+int64(k.number))
		out := call(c.client, k.send+"Message", args(c.id(1), to, int8(51), "synchronous", "")...)
		ok(errorOf(out))
		expect(out[0].Int() > 0, "no mtime")
		mid, mtime := c.send(k.send+"MessageByBinary", args(c.id(1), to, int8(51), []byte("\x00\x01\xff"), "")...)
		c.checkInfo(k, mid, to, 51, "\x00\x01\xff", "", mtime)
	})
	addRow("Get"+k.name+"Message", func(c *column) {
		to := c.place(k, 25+int64(k.number))
		var list, some, reversed []sent
		for i, mtype := range []int8{51, 52, 51, 60, 51, 52, 51} {
			s := sent{mtype: mtype, msg: fmt.Sprintf("message %d %s", i, text), attrs: fmt.Sprintf("attrs %d", i)}
			s.mid, s.mtime = c.send(k.send+"Message", args(c.id(1), to, mtype, s.msg, s.attrs)...)
			list = append(list, s)
			reversed = append([]sent{s}, reversed...)
			if mtype != 51 {
				some = append(some, s)
			}
			time.Sleep(2 * time.Millisecond)
		}
		forward := c.readAll(k, "Message", to, false, 3, nil)
		same("forwards", ours(forward, list), list)
		same("sender", forward[len(forward)-1].FromUid, c.id(1))
		same("backwards", ours(c.readAll(k, "Message", to, true, 3, nil), list), reversed)
		same("with mtypes", ours(c.readAll(k, "Message", to, false, 20, []int8{52, 60}), list), some)
		page := c.page(k, "Message", to, false, 20, list[2].mtime, list[4].mtime, 0, nil)
		same("from begin to end", ours(page.Messages, list), list[2:5])
	})
	addRow("GetMessage, "+k.del+"Message", func(c *column) {
		to := c.place(k, 20+int64(k.number))
		mid, mtime := c.send(k.send+"Message", args(c.id(1), to, int8(99), text, "")...)
		c.checkInfo(k, mid, to, 99, text, "", mtime)
		ok(errorOf(call(c.client, k.del+"Message", args(mid, c.id(1), to)...)))
		_, err := c.client.GetMessage(mid, c.id(1), xid(to), k.number)
		fails(err, 200070)
	})
	for _, word := range []string{"Chat", "Cmd"} {
		word, mtype := word, map[string]int8{"Chat": 30, "Cmd": 32}[word]
		addRow(k.send+word, func(c *column) {
			to := c.place(k, 30+int64(k.number))
			mid, mtime := c.send(k.send+word, args(c.id(1), to, text, `{"x":[]}`)...)
			m, err := c.client.GetChat(mid, c.id(1), xid(to), k.number)
			ok(err)
			same("mtype, message, attrs, mtime", []interface{}{m.MessageType, m.Message, m.Attrs, m.ModifiedTime}, []interface{}{mtype, text, `{"x":[]}`, mtime})
		})
	}
	addRow("Get"+k.name+"Chat, "+k.del+"Chat", func(c *column) {
		to := c.place(k, 35+int64(k.number))
		chat, _ := c.send(k.send+"Chat", args(c.id(1), to, "chat", "")...)
		other, _ := c.send(k.send+"Message", args(c.id(1), to, int8(51), "no chat", "")...)
		found := map[int64]bool{}
		for _, m := range c.readAll(k, "Chat", to, false, 20, nil) {
			found[m.MessageId] = true
		}
		expect(found[chat], "the chat is not there")
		expect(!found[other], "a message that is no chat is among the chats")
		ok(errorOf(call(c.client, k.del+"Chat", args(chat, c.id(1), to)...)))
		_, err := c.client.GetChat(chat, c.id(1), xid(to), k.number)
		fails(err, 200070)
	})
}

func moreMessageRows() {
	addRow("SendMessages, SendChats, SendCmds", func(c *column) {
		others := []int64{c.id(3), c.id(4), c.id(5)}
		mid, mtime := c.send("SendMessages", c.id(1), others, int8(53), text, "attrs")
		for _, uid := range others {
			c.checkInfo(kinds[0], mid, args(uid), 53, text, "attrs", mtime)
		}
		mid, mtime = c.send("SendChats", c.id(1), others, text, "")
		c.checkInfo(kinds[0], mid, args(others[2]), 30, text, "", mtime)
		mid, mtime = c.send("SendCmds", c.id(1), others, text, "")
		c.checkInfo(kinds[0], mid, args(others[2]), 32, text, "", mtime)
		_, err := c.client.SendMessages(c.id(1), []int64{}, 53, "x")
		fails(err, 200033)
	})
	addRow("SendMessage, errors", func(c *column) {
		try := func(want int, to int64, mtype int8, msg, attrs string) {
			_, err := c.client.SendMessage(c.id(1), to, mtype, msg, attrs)
			fails(err, want)
		}
		try(200005, c.id(2), 0, "x", "")
		try(200052, c.id(1), 51, "x", "")
		try(200030, c.id(2), 51, strings.Repeat("x", 20481), "")
		try(200030, c.id(2), 51, "x", strings.Repeat("x", 2049))
		try(0, c.id(2), 51, strings.Repeat("x", 20480), strings.Repeat("x", 2048))
	})
	addRow("200 sends at once", func(c *column) {
		done := make(chan int, 200)
		for i := 0; i < 200; i++ {
			_, err := c.client.SendMessage(c.id(7), c.id(8), 51, fmt.Sprintf("number %d", i), func(mtime int64, code int, info string) { done <- code })
			ok(err)
		}
		for i := 0; i < 200; i++ {
			select {
			case code := <-done:
				same("the error", code, 0)
			case <-time.After(timeout):
				panic(mismatch("a callback was never called"))
			}
		}
		k := kinds[0]
		begin, last, n := int64(0), int64(0), 0
		for {
			page, err := c.client.GetP2PMessage(c.id(7), c.id(8), false, 20, begin, 0, last)
			ok(err)
			if page.Num == 0 {
				break
			}
			n, begin, last = n+int(page.Num), page.Begin, page.LastCursorId
		}
		same("number of messages of "+k.name, n, 200)
	})
	addRow("GetMsgCount", func(c *column) {
		gid := c.group(40, c.id(1), c.id(2))
		c.send("SendGroupMessage", c.id(1), gid, int8(51), "counted", "")
		c.send("SendGroupMessage", c.id(1), gid, int8(52), "counted", "")
		c.send("SendGroupMessage", c.id(2), gid, int8(51), "counted", "")
		senders, messages, err := c.client.GetMsgCount(rtm.MessageType_Group, gid, 0, 0, nil)
		ok(err)
		same("senders and messages", []int32{senders, messages}, []int32{2, 3})
		senders, messages, err = c.client.GetMsgCount(rtm.MessageType_Group, gid, 0, 0, []int8{52})
		ok(err)
		same("... with mtypes", []int32{senders, messages}, []int32{1, 1})
	})
	addRow("EditMessage", func(c *column) {
		gid := c.group(41, c.id(1))
		mid, _ := c.send("SendGroupMessage", c.id(1), gid, int8(51), "before", "")
		ok(c.client.EditMessage(mid, c.id(1), gid, rtm.MessageType_Group, "after", "new", 0))
		m, err := c.client.GetMessage(mid, c.id(1), gid, rtm.MessageType_Group)
		ok(err)
		same("message, attrs", []string{m.Message, m.Attrs}, []string{"after", "new"})
	})
	for i, what := range []string{"CleanP2PMessage", "CleanGroupMessage", "CleanRoomMessage", "CleanBroadcastMessage"} {
		k, what := kinds[i], what
		addRow(what, func(c *column) {
			to := c.place(k, 42+int64(k.number))
			first, from := c.send(k.send+"Message", args(c.id(1), to, int8(51), "goes", "")...)
			time.Sleep(5 * time.Millisecond)
			second, mtime := c.send(k.send+"Message", args(c.id(1), to, int8(51), "stays", "")...)
			in := args(to, from, mtime-1)
			if k.name == "P2P" || k.name == "Broadcast" {
				in = args(c.id(1), in)
			}
			ok(errorOf(call(c.client, what, in...)))
			_, err := c.client.GetMessage(first, c.id(1), xid(to), k.number)
			fails(err, 200070)
			c.checkInfo(k, second, to, 51, "stays", "", mtime)
		})
	}
	addRow("DeleteConversationMessages, ClearUserMessage", func(c *column) {
		mid, _ := c.send("SendMessage", c.id(1), c.id(48), int8(51), "goes", "")
		ok(c.client.DeleteConversationMessages(c.id(1), c.id(48), rtm.MessageType_P2P))
		_, err := c.client.GetMessage(mid, c.id(1), c.id(48), rtm.MessageType_P2P)
		fails(err, 200070)
		mid, _ = c.send("SendMessage", c.id(49), c.id(48), int8(51), "goes", "")
		ok(c.client.ClearUserMessage(c.id(49)))
		_, err = c.client.GetMessage(mid, c.id(49), c.id(48), rtm.MessageType_P2P)
		fails(err, 200070)
	})
}

// ---- groups, rooms, bans, blacklist

func placeRows() {
	addRow("AddGroupMembers, GetGroupMembers, GetGroupCount, IsGroupMember", func(c *column) {
		gid := c.id(51)
		members, err := c.client.GetGroupMembers(gid)
		ok(err)
		same("members of no group", len(members), 0)
		c.group(51, c.id(1), c.id(2))
		c.group(51, c.id(2), c.id(3))
		members, err = c.client.GetGroupMembers(gid)
		ok(err)
		same("members", sorted(members), []int64{c.id(1), c.id(2), c.id(3)})
		n, err := c.client.GetGroupCount(gid)
		ok(err)
		same("their number", n, int32(3))
		for uid, want := range map[int64]bool{c.id(1): true, c.id(4): false} {
			is, err := c.client.IsGroupMember(gid, uid)
			ok(err)
			same("a member", is, want)
		}
	})
	addRow("DelGroupMembers, DelGroup", func(c *column) {
		gid := c.group(52, c.id(1), c.id(2))
		ok(c.client.DelGroupMembers(gid, []int64{c.id(1)}))
		_, err := c.client.SendGroupMessage(c.id(1), gid, 51, "x")
		fails(err, 200041)
		c.send("SendGroupMessage", c.id(2), gid, int8(51), "x", "")
		ok(c.client.DelGroup(gid))
		members, err := c.client.GetGroupMembers(gid)
		ok(err)
		same("members", len(members), 0)
	})
	addRow("GetUserGroups", func(c *column) {
		gids := []int64{c.group(53, c.id(12)), c.group(54, c.id(12))}
		found, err := c.client.GetUserGroups(c.id(12))
		ok(err)
		same("groups", sorted(found), gids)
	})
	addRow("AddRoomMember, GetRoomMembers, DelRoomMember", func(c *column) {
		rid := c.room(55, c.id(1), c.id(2))
		members, err := c.client.GetRoomMembers(rid)
		ok(err)
		same("members", sorted(members), []int64{c.id(1), c.id(2)})
		ok(c.client.DelRoomMember(rid, c.id(1)))
		members, err = c.client.GetRoomMembers(rid)
		ok(err)
		same("members", members, []int64{c.id(2)})
		_, err = c.client.SendRoomMessage(c.id(1), rid, 51, "x")
		fails(err, 200040)
	})
	addRow("AddRoomMembers, DelRoomMembers", func(c *column) {
		both := []int64{c.id(1), c.id(2)}
		added, err := c.client.AddRoomMembers(c.id(56), both)
		ok(err)
		same("who was added", sorted(added), both)
		gone, err := c.client.DelRoomMembers(c.id(56), both[:1])
		ok(err)
		same("who was deleted", gone, both[:1])
		members, err := c.client.GetRoomMembers(c.id(56))
		ok(err)
		same("members", members, both[1:])
	})
	addRow("AddUserRooms, DeleteUserRooms", func(c *column) {
		rids := []int64{c.id(57), c.id(58)}
		ok(c.client.AddUserRooms(rids, c.id(13)))
		ok(c.client.DeleteUserRooms(rids[:1], c.id(13)))
		counts, err := c.client.GetRoomCount(rids)
		ok(err)
		same("numbers of members", []int32{counts[rids[0]], counts[rids[1]]}, []int32{0, 1})
	})
	addRow("GetRoomCount", func(c *column) {
		rids := []int64{c.room(59, c.id(1), c.id(2)), c.room(60, c.id(1))}
		counts, err := c.client.GetRoomCount(rids)
		ok(err)
		same("numbers of members", counts, map[int64]int32{rids[0]: 2, rids[1]: 1})
	})
	for i, code := range []int{200044, 200045} {
		k, code := kinds[i+1], code
		addRow("Add"+k.name+"Ban, IsBanOf"+k.name+", Remove"+k.name+"Ban", func(c *column) {
			id := xid(c.place(k, 60+int64(k.number)))
			banned := func() bool {
				out := call(c.client, "IsBanOf"+k.name, id, c.id(1))
				ok(errorOf(out))
				return out[0].Bool()
			}
			same("banned", banned(), false)
			ok(errorOf(call(c.client, "Add"+k.name+"Ban", id, c.id(1), int32(100))))
			same("banned", banned(), true)
			fails(errorOf(call(c.client, k.send+"Message", c.id(1), id, int8(51), "x")), code)
			ok(errorOf(call(c.client, "Remove"+k.name+"Ban", id, c.id(1))))
			same("banned", banned(), false)
			c.send(k.send+"Message", c.id(1), id, int8(51), "x", "")
		})
	}
	for _, what := range []string{"Black", "Ban"} {
		what := what
		addRow("AddProject"+what+", IsProject"+what+", RemoveProject"+what, func(c *column) {
			uid := c.id(17)
			is := func() bool {
				out := call(c.client, "IsProject"+what, uid)
				ok(errorOf(out))
				return out[0].Bool()
			}
			same("at first", is(), false)
			ok(errorOf(call(c.client, "AddProject"+what, uid, int32(100))))
			same("then", is(), true)
			_, err := c.client.SendMessage(uid, c.id(2), 51, "x")
			got := code(err)
			expect(got == 200024 || got == 200049 || got == 200050, "the user sends: error %d", got)
			ok(errorOf(call(c.client, "RemoveProject"+what, uid)))
			same("at last", is(), false)
			c.send("SendMessage", uid, c.id(2), int8(51), "x", "")
		})
	}
}

// ---- listening

func (c *column) listener(groups, rooms, p2p bool) (*rtm.RTMServerClient, *pushes) {
	client, told := c.another(), &pushes{}
	client.SetServerPushMonitor(told)
	ok(client.SetListenStatus(groups, rooms, p2p, false))
	return client, told
}

func checkPush(m *rtm.RTMMessage, from, to int64, mtype int8, mid int64, msg, attrs string, mtime int64) {
	same("sender, recipient, mtype, mid, message, attrs, mtime",
		[]interface{}{m.FromUid, m.ToId, m.MessageType, m.MessageId, m.Message, m.Attrs, m.ModifiedTime},
		[]interface{}{from, to, mtype, mid, msg, attrs, mtime})
}

func listenRows() {
	for i := range kinds[:3] {
		k, other := kinds[i], kinds[(i+1)%3]
		addRow("SetListenStatus, "+k.name+"Message", func(c *column) {
			_, told := c.listener(k.name == "Group", k.name == "Room", k.name == "P2P")
			to := c.place(k, 60+int64(k.number))
			mid, mtime := c.send(k.send+"Message", args(c.id(1), to, int8(51), text, "attrs")...)
			checkPush(told.wait(k.name+"Message", mid), c.id(1), xid(to), 51, mid, text, "attrs", mtime)
			told.count(mid, 1)
			silent, _ := c.send(other.send+"Message", args(c.id(1), c.place(other, 65), int8(51), "nobody listens", "")...)
			told.count(silent, 0)
		})
		for _, word := range []string{"Chat", "Cmd"} {
			word, mtype := word, map[string]int8{"Chat": 30, "Cmd": 32}[word]
			addRow(k.name+word, func(c *column) {
				_, told := c.listener(true, true, true)
				to := c.place(k, 60+int64(k.number))
				mid, mtime := c.send(k.send+word, args(c.id(1), to, text, "attrs")...)
				checkPush(told.wait(k.name+word, mid), c.id(1), xid(to), mtype, mid, text, "attrs", mtime)
			})
		}
	}
	addRow("P2PFile", func(c *column) {
		_, told := c.listener(true, true, true)
		mid, _ := c.send("SendMessage", c.id(1), c.id(2), int8(40), `{"url":"http://x/y","size":17}`, `{"rtm":{},"custom":"mine"}`)
		m := told.wait("P2PFile", mid)
		same("url, size, attrs", []interface{}{m.FileInfo.Url, m.FileInfo.FileSize, m.Attrs}, []interface{}{"http://x/y", int64(17), "mine"})
	})
	addRow("AddListen, RemoveListen, SetListen", func(c *column) {
		client, told := c.another(), &pushes{}
		client.SetServerPushMonitor(told)
		first, second := c.group(67, c.id(1)), c.group(68, c.id(1))
		say := func(gid int64) int64 {
			mid, _ := c.send("SendGroupMessage", c.id(1), gid, int8(51), "x", "")
			return mid
		}
		ok(client.AddListen([]int64{first}, nil, nil, nil))
		told.wait("GroupMessage", say(first))
		ok(client.SetListen([]int64{second}, nil, nil, nil))
		gone := say(first)
		told.wait("GroupMessage", say(second))
		told.count(gone, 0)
		ok(client.RemoveListen([]int64{second}, nil, nil, nil))
		told.count(say(second), 0)
	})
	addRow("300 pushes, each once, complete", func(c *column) {
		_, told := c.listener(false, false, true)
		mids := make(chan int64, 300)
		for i := 0; i < 300; i++ {
			_, err := c.client.SendMessage(c.id(1), c.id(2), 51, "push", func(mtime int64, mid int64, code int, info string) { mids <- mid })
			ok(err)
		}
		for i := 0; i < 300; i++ {
			select {
			case mid := <-mids:
				told.wait("P2PMessage", mid)
				same("number of pushes", len(told.of(mid)), 1)
			case <-time.After(timeout):
				panic(mismatch("a callback was never called"))
			}
		}
	})
	addRow("pings are answered: a connection lives", func(c *column) {
		client, told := c.listener(false, false, true)
		time.Sleep(5 * time.Second)
		expect(client.IsConnected(), "the connection is gone")
		mid, _ := c.send("SendMessage", c.id(1), c.id(2), int8(51), "x", "")
		told.wait("P2PMessage", mid)
	})
	addRow("SetListenStatus, restored when reconnected", func(c *column) {
		relay, cut := startRelay()
		defer relay.Close()
		client, told := c.open(relay.Addr().String(), project, secret), &pushes{}
		client.SetServerPushMonitor(told)
		ok(client.SetListenStatus(false, false, true, false))
		cut()
		for end := time.Now().Add(timeout); time.Now().Before(end); {
			mid, _ := c.send("SendMessage", c.id(1), c.id(2), int8(51), "after reconnecting", "")
			if until(func() bool { return len(told.of(mid)) > 0 }, 500*time.Millisecond) {
				return
			}
		}
		panic(mismatch("nothing is pushed after the SDK reconnected"))
	})
}

// A way to the gate that can be cut.
func startRelay() (net.Listener, func()) {
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	ok(err)
	var mutex sync.Mutex
	var lines []net.Conn
	go func() {
		for {
			near, err := relay.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", host+":"+port)
			if err != nil {
				near.Close()
				continue
			}
			mutex.Lock()
			lines = append(lines, near, far)
			mutex.Unlock()
			go io.Copy(near, far)
			go io.Copy(far, near)
		}
	}()
	return relay, func() {
		mutex.Lock()
		defer mutex.Unlock()
		for _, line := range lines {
			line.Close()
		}
		lines = nil
	}
}

// ---- the rest of the service

func restRows() {
	open, private := "open", "private"
	for _, of := range []string{"User", "Group", "Room"} {
		of := of
		addRow("Set"+of+"Info, Get"+of+"Info", func(c *column) {
			ok(errorOf(call(c.client, "Set"+of+"Info", c.id(91), &open, &private)))
			out := call(c.client, "Get"+of+"Info", c.id(91))
			ok(errorOf(out))
			same("infos", []string{out[0].String(), out[1].String()}, []string{open, private})
		})
	}
	addRow("GetUserPublicInfo", func(c *column) {
		ok(c.client.SetUserInfo(c.id(91), &open, &private))
		infos, err := c.client.GetUserPublicInfo([]int64{c.id(91)})
		ok(err)
		same("infos", infos, map[string]string{strconv.FormatInt(c.id(91), 10): open})
	})
	for list, one := range map[string]string{"Friends": "Friend", "Blacks": "Black"} {
		list, one := list, one
		addRow("Add"+list+", Get"+list+", Is"+one+", Is"+list+", Del"+list, func(c *column) {
			both := []int64{c.id(95), c.id(96)}
			ok(errorOf(call(c.client, "Add"+list, c.id(94), both)))
			out := call(c.client, "Get"+list, c.id(94))
			ok(errorOf(out))
			same("the list", sorted(out[0].Interface().([]int64)), both)
			ok(errorOf(call(c.client, "Del"+list, c.id(94), both[1:])))
			for i, want := range []bool{true, false} {
				out = call(c.client, "Is"+one, c.id(94), both[i])
				ok(errorOf(out))
				same("one of it", out[0].Bool(), want)
			}
			out = call(c.client, "Is"+list, c.id(94), both)
			ok(errorOf(out))
			same("those of both", out[0].Interface(), both[:1])
			ok(errorOf(call(c.client, "Del"+list, c.id(94), both[:1])))
		})
	}
	addRow("SetData, GetData, DelData", func(c *column) {
		ok(c.client.SetData(c.id(91), "colour", text))
		value, err := c.client.GetData(c.id(91), "colour")
		ok(err)
		same("value", value, text)
		ok(c.client.DelData(c.id(91), "colour"))
	})
	addRow("AddDevice, RemoveDevice", func(c *column) {
		ok(c.client.AddDevice(c.id(91), "fcm", "token"))
		ok(c.client.RemoveDevice(c.id(91), "token"))
	})
	addRow("AddDevicePushOption, GetDevicePushOption, RemoveDevicePushOption", func(c *column) {
		ok(c.client.AddDevicePushOption(c.id(97), 0, c.id(98), []int8{51, 52}))
		ok(c.client.AddDevicePushOption(c.id(97), 1, c.id(99), []int8{53}))
		p2p, group, err := c.client.GetDevicePushOption(c.id(97))
		ok(err)
		same("options", []map[int64][]int8{p2p, group}, []map[int64][]int8{{c.id(98): {51, 52}}, {c.id(99): {53}}})
		ok(c.client.RemoveDevicePushOption(c.id(97), 0, c.id(98), []int8{51, 52}))
		p2p, _, err = c.client.GetDevicePushOption(c.id(97))
		ok(err)
		same("options", len(p2p), 0)
	})
	addRow("GetToken, RemoveToken, Kickout, GetOnlineUsers", func(c *column) {
		token, err := c.client.GetToken(c.id(90))
		ok(err)
		expect(token != "", "the token is empty")
		ok(c.client.RemoveToken(c.id(90)))
		ok(c.client.Kickout(c.id(90)))
		online, err := c.client.GetOnlineUsers([]int64{c.id(90)})
		ok(err)
		same("users online", len(online), 0)
	})
	addRow("AddSessions, RemoveSessions", func(c *column) {
		ok(c.client.AddSessions(c.id(90), []int64{c.id(91)}))
		ok(c.client.RemoveSessions(c.id(90), []int64{c.id(91)}))
	})
	addRow("wrong secret: 200002, unknown project: 200001", func(c *column) {
		_, err := c.open(host+":"+port, project, "wrong").SendMessage(c.id(1), c.id(2), 51, "x")
		fails(err, 200002)
		_, err = c.open(host+":"+port, 4711, secret).SendMessage(c.id(1), c.id(2), 51, "x")
		fails(err, 200001)
	})
	addRow("ClearProjectGroup, ClearProjectMessage", func(c *column) {
		gid := c.group(99, c.id(1))
		mid, _ := c.send("SendGroupMessage", c.id(1), gid, int8(51), "goes", "")
		ok(c.client.ClearProjectMessage(rtm.All))
		_, err := c.client.GetMessage(mid, c.id(1), gid, rtm.MessageType_Group)
		fails(err, 200070)
		ok(c.client.ClearProjectGroup())
		members, err := c.client.GetGroupMembers(gid)
		ok(err)
		same("members", len(members), 0)
	})
}

// ---- main

func report(name, column string, run func()) (good bool) {
	result, remark := "ok", ""
	func() {
		defer func() {
			switch e := recover().(type) {
			case nil:
			case sdkBug:
				result, remark = "SDK", string(e)
			case mismatch:
				result, remark = "FAILED", string(e)
			default:
				result, remark = "FAILED", fmt.Sprintf("%v %s", e, debug.Stack())
			}
		}()
		run()
	}()
	remark = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\ufffd' {
			return ' '
		}
		return r
	}, remark)
	fmt.Printf("%s\t%s\t%s\t%.1000s\n", name, column, result, remark)
	return result == "ok"
}

func runColumn(c *column) {
	if !report("connecting", c.name, func() { c.client = c.another() }) {
		return
	}
	for _, r := range rows {
		if strings.Contains(r.name, os.Getenv("INTEROP_ROW")) {
			report(r.name, c.name, func() { r.run(c) })
		}
	}
	c.close()
}

func encrypted(reinforce bool) func(c *rtm.RTMServerClient) error {
	return func(c *rtm.RTMServerClient) error { return c.EnableEncryptor(pem, reinforce) }
}

func main() {
	host, port, secret, pem, curve = os.Args[1], os.Args[2], os.Args[4], os.Args[5], os.Args[7]
	n, _ := strconv.Atoi(os.Args[3])
	project = int32(n)
	if os.Args[6] == "curve" {
		for _, bits := range []int{128, 256} {
			c := newColumn("stream", encrypted(bits == 256))
			report(fmt.Sprintf("%s, %d bits", curve, bits), c.name, func() {
				if !strings.HasPrefix(curve, "secp256") {
					panic(sdkBug("it makes points and secrets of 256 bits of those of smaller curves"))
				}
				c.client = c.another()
				_, told := c.listener(false, false, true)
				mid, mtime := c.send("SendMessage", c.id(1), c.id(2), int8(51), text, "")
				checkPush(told.wait("P2PMessage", mid), c.id(1), c.id(2), 51, mid, text, "", mtime)
			})
			c.close()
		}
		return
	}
	for _, k := range kinds {
		messageRows(k)
	}
	moreMessageRows()
	placeRows()
	listenRows()
	restRows()
	runColumn(newColumn("plain", func(c *rtm.RTMServerClient) error { return nil }))
	runColumn(newColumn("stream", encrypted(true)))
}
