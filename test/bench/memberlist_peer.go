// SPDX-License-Identifier: MIT

// The peer of message_bench: hashicorp/memberlist, two processes on loopback, the same messages;
// and of broadcast_bench, see memberlist_broadcast.go.
//
//	memberlist_peer SECONDS
//
// prints one "name value" a line: rates a second of reliable messages, of best-effort ones that were
// sent and of those that arrived, and of requests that memberlist has none of itself: a message
// there and one back. Each is measured for so many seconds.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

const size = 100

var silent = log.New(io.Discard, "", 0)

const (
	plain = iota
	question
	answer
)

// delegate counts what comes, answers questions, and tells of answers.
type delegate struct {
	heard    uint64
	list     *memberlist.Memberlist
	answered chan struct{}
}

func (d *delegate) NodeMeta(limit int) []byte                  { return nil }
func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte { return nil }
func (d *delegate) LocalState(join bool) []byte                { return nil }
func (d *delegate) MergeRemoteState(buf []byte, join bool)     {}

func (d *delegate) NotifyMsg(msg []byte) {
	if len(msg) != size {
		return
	}
	switch msg[0] {
	case plain:
		atomic.AddUint64(&d.heard, 1)
	case answer:
		d.answered <- struct{}{}
	default:
		back := append([]byte{answer}, msg[1:]...)
		go send(d.list, other(d.list), back, true)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "memberlist_peer:", err)
		os.Exit(1)
	}
}

func send(list *memberlist.Memberlist, to *memberlist.Node, msg []byte, reliable bool) error {
	if reliable {
		return list.SendReliable(to, msg)
	}
	return list.SendBestEffort(to, msg)
}

func other(list *memberlist.Memberlist) *memberlist.Node {
	for _, node := range list.Members() {
		if node.Name != list.LocalNode().Name {
			return node
		}
	}
	return nil
}

func start(name string) (*memberlist.Memberlist, *delegate) {
	d := &delegate{answered: make(chan struct{}, 1024)}
	config := memberlist.DefaultLANConfig()
	config.Name = name
	config.BindAddr = "127.0.0.1"
	config.BindPort = 0
	config.AdvertisePort = 0
	config.EnableCompression = false // its faster way
	config.LogOutput = io.Discard
	config.Logger = nil
	config.Delegate = d
	list, err := memberlist.Create(config)
	check(err)
	d.list = list
	return list, d
}

// receive answers each line of its input with how many messages have come.
func receive() {
	list, d := start("receiver")
	node := list.LocalNode()
	fmt.Println(net.JoinHostPort(node.Addr.String(), strconv.Itoa(int(node.Port))))
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(atomic.LoadUint64(&d.heard))
	}
}

type receiver struct {
	in  io.Writer
	out *bufio.Scanner
}

func (r *receiver) line() string {
	if !r.out.Scan() {
		check(io.ErrUnexpectedEOF)
	}
	return strings.TrimSpace(r.out.Text())
}

func (r *receiver) heard() uint64 {
	fmt.Fprintln(r.in)
	n, err := strconv.ParseUint(r.line(), 10, 64)
	check(err)
	return n
}

// settled waits until no more come, at most for some seconds.
func (r *receiver) settled(wanted uint64) (uint64, time.Time) {
	last, at := r.heard(), time.Now()
	for quiet := time.Now(); last < wanted && time.Since(quiet) < 500*time.Millisecond; {
		time.Sleep(time.Millisecond)
		if now := r.heard(); now != last {
			last, at, quiet = now, time.Now(), time.Now()
		}
	}
	return last, at
}

// flood returns the rates of what was sent and of what arrived.
func flood(list *memberlist.Memberlist, r *receiver, span time.Duration, reliable bool) (float64, float64) {
	to, msg := other(list), make([]byte, size)
	base, begun, sent := r.heard(), time.Now(), uint64(0)
	for time.Since(begun) < span {
		for i := 0; i < 16; i++ {
			if send(list, to, msg, reliable) == nil {
				sent++
			}
		}
	}
	ended := time.Now()
	heard, at := r.settled(base + sent)
	return float64(sent) / ended.Sub(begun).Seconds(), float64(heard-base) / at.Sub(begun).Seconds()
}

// ask keeps so many requests under way, and returns their rate.
func ask(list *memberlist.Memberlist, d *delegate, span time.Duration, window int) float64 {
	to, done, flying := other(list), uint64(0), 0
	begun := time.Now()
	for time.Since(begun) < span {
		for ; flying < window; flying++ {
			msg := make([]byte, size)
			msg[0] = question
			check(send(list, to, msg, true))
		}
		<-d.answered
		flying--
		done++
	}
	return float64(done) / time.Since(begun).Seconds()
}

func main() {
	log.SetOutput(io.Discard)
	if len(os.Args) > 1 && os.Args[1] == "broadcast" {
		broadcast(os.Args[2:])
		return
	}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: memberlist_peer SECONDS")
		os.Exit(2)
	}
	if os.Args[1] == "receive" {
		receive()
		return
	}
	seconds, err := strconv.ParseFloat(os.Args[1], 64)
	check(err)
	span := time.Duration(seconds * float64(time.Second))
	child := exec.Command(os.Args[0], "receive")
	in, err := child.StdinPipe()
	check(err)
	out, err := child.StdoutPipe()
	check(err)
	check(child.Start())
	r := &receiver{in, bufio.NewScanner(out)}
	list, d := start("sender")
	_, err = list.Join([]string{r.line()})
	check(err)

	_, arrived := flood(list, r, span, true)
	fmt.Println("reliable", arrived)
	sent, arrived := flood(list, r, span, false)
	fmt.Println("sent", sent)
	fmt.Println("best_effort", arrived)
	fmt.Println("request", ask(list, d, span, 1))
	fmt.Println("requests", ask(list, d, span, 64))
	in.Close()
	check(child.Wait())
}
