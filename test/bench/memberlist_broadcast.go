// SPDX-License-Identifier: MIT

package main

// The peer of broadcast_bench: memberlist's members, all in this process, and user messages that
// each of them queues when it hears them first, as its documentation has it.
//
//	memberlist_peer broadcast MEMBERS COUNT
//
// prints for bodies of 100 and of 1,000 bytes, COUNT broadcasts each: the median of the time until
// all have heard one, in ms; how many were not complete after 10 s; and what all members send for
// one beyond what they send anyway: copies of it, packets, and bytes with IP and UDP headers.

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	headers  = 28 // of IP and UDP
	settle   = 5 * time.Second
	rest     = 1500 * time.Millisecond // until a broadcast is told no more
	patience = 10 * time.Second
)

// sent counts packets, their bytes and copies of broadcasts.
type sent struct{ packets, bytes, copies uint64 }

// counting is memberlist's own transport; WriteTo of that calls its own WriteToAddress.
type counting struct {
	*memberlist.NetTransport
	sent *sent
}

func (c *counting) count(b []byte) {
	atomic.AddUint64(&c.sent.packets, 1)
	atomic.AddUint64(&c.sent.bytes, uint64(len(b))+headers)
}

func (c *counting) WriteTo(b []byte, addr string) (time.Time, error) {
	c.count(b)
	return c.NetTransport.WriteTo(b, addr)
}

func (c *counting) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	c.count(b)
	return c.NetTransport.WriteToAddress(b, a)
}

type cast struct{ msg []byte }

func (c *cast) Invalidates(memberlist.Broadcast) bool { return false }
func (c *cast) Message() []byte                       { return c.msg }
func (c *cast) Finished()                             {}
func (c *cast) UniqueBroadcast()                      {}

type caster struct {
	group *group
	list  *memberlist.Memberlist
	queue memberlist.TransmitLimitedQueue
	mutex sync.Mutex
	heard map[uint64]bool
}

func (c *caster) NodeMeta(limit int) []byte              { return nil }
func (c *caster) LocalState(join bool) []byte            { return nil }
func (c *caster) MergeRemoteState(buf []byte, join bool) {}

func (c *caster) GetBroadcasts(overhead, limit int) [][]byte {
	given := c.queue.GetBroadcasts(overhead, limit)
	atomic.AddUint64(&c.group.sent.copies, uint64(len(given)))
	return given
}

// first returns whether it was not heard here.
func (c *caster) first(msg []byte) bool {
	number := binary.LittleEndian.Uint64(msg)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.heard[number] {
		return false
	}
	c.heard[number] = true
	return true
}

func (c *caster) NotifyMsg(msg []byte) {
	if !c.first(msg) {
		return
	}
	c.queue.QueueBroadcast(&cast{append([]byte{}, msg...)})
	c.group.came <- time.Now()
}

type group struct {
	member []*caster
	sent   sent
	came   chan time.Time
}

func form(members int) *group {
	g := &group{came: make(chan time.Time, 65536)}
	for i := 0; i < members; i++ {
		transport, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{"127.0.0.1"}, Logger: silent})
		check(err)
		c := &caster{group: g, heard: map[uint64]bool{}}
		config := memberlist.DefaultLANConfig()
		config.Name = "m" + strconv.Itoa(i)
		config.BindAddr = "127.0.0.1"
		config.BindPort = transport.GetAutoBindPort()
		config.AdvertisePort = config.BindPort
		config.Transport = &counting{transport, &g.sent}
		config.LogOutput = io.Discard
		config.Delegate = c
		c.queue.RetransmitMult = config.RetransmitMult
		c.queue.NumNodes = func() int { return members }
		c.list, err = memberlist.Create(config)
		check(err)
		g.member = append(g.member, c)
		if i > 0 {
			node := g.member[(i-1)/2].list.LocalNode()
			for tries := 0; tries < 10; tries++ { // where the machine is busy one times out
				if _, err = c.list.Join([]string{node.Address()}); err == nil {
					break
				}
			}
			check(err)
		}
	}
	for _, c := range g.member {
		for c.list.NumMembers() < members {
			time.Sleep(10 * time.Millisecond)
		}
	}
	return g
}

func (g *group) total() sent {
	return sent{atomic.LoadUint64(&g.sent.packets), atomic.LoadUint64(&g.sent.bytes),
		atomic.LoadUint64(&g.sent.copies)}
}

// one returns how long until all have heard it, and whether they have.
func (g *group) one(from int, number uint64, size int) (time.Duration, bool) {
	msg := make([]byte, size)
	rand.Read(msg) // as ours: nothing that could be compressed
	binary.LittleEndian.PutUint64(msg, number)
	begun, last := time.Now(), time.Now()
	g.member[from].first(msg)
	g.member[from].queue.QueueBroadcast(&cast{msg})
	for heard := 1; heard < len(g.member); heard++ {
		select {
		case last = <-g.came:
		case <-time.After(time.Until(begun.Add(patience))):
			return last.Sub(begun), false
		}
	}
	return last.Sub(begun), true
}

// measure has before each broadcast as long a time without.
func (g *group) measure(size, count int, number *uint64) {
	var took []float64
	var cost [3]float64
	incomplete := 0
	for i := 0; i < count; i++ {
		*number++
		begun, before := time.Now(), g.total()
		span, complete := g.one(i*7%len(g.member), *number, size)
		time.Sleep(rest)
		middle, between := time.Now(), g.total()
		time.Sleep(middle.Sub(begun))
		after := g.total()
		took = append(took, float64(span)/1e6)
		if !complete {
			incomplete++
		}
		cost[0] += float64(between.copies - before.copies)
		cost[1] += float64(between.packets-before.packets) - float64(after.packets-between.packets)
		cost[2] += float64(between.bytes-before.bytes) - float64(after.bytes-between.bytes)
		for len(g.came) > 0 {
			<-g.came // of one that was given up
		}
	}
	sort.Float64s(took)
	fmt.Printf("median_%d %g\nincomplete_%d %d\n", size, took[count/2], size, incomplete)
	for i, name := range []string{"copies", "packets", "bytes"} {
		fmt.Printf("%s_%d %g\n", name, size, cost[i]/float64(count))
	}
}

func broadcast(args []string) {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: memberlist_peer broadcast MEMBERS COUNT")
		os.Exit(2)
	}
	members, err := strconv.Atoi(args[0])
	check(err)
	count, err := strconv.Atoi(args[1])
	check(err)
	g, number := form(members), uint64(0)
	time.Sleep(settle)
	g.measure(100, count, &number)
	g.measure(1000, count, &number)
}
