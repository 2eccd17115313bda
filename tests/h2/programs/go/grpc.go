// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// The service redeye.test.Echo, the same in every language; see tests/h2/README.md.

const service = "/redeye.test.Echo/"
const health = "/grpc.health.v1.Health/Check"

// Messages are bytes, whatever they hold.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// The first line of a message: status, messages, their size, milliseconds.
type order struct{ status, count, size, hold int }

func parse(message []byte) (o order) {
	line, _, _ := bytes.Cut(message, []byte("\n"))
	fmt.Sscan(string(line), &o.status, &o.count, &o.size, &o.hold)
	return
}

func wait(ctx context.Context, milliseconds int) error {
	select {
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

type counts struct{ got, sent int }

func send(stream grpc.ServerStream, n int, message []byte, c *counts) error {
	for ; n > 0; n-- {
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
		c.sent++
	}
	return nil
}

func echo(method string, stream grpc.ServerStream, c *counts) error {
	var o order
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if c.got++; c.got == 1 {
			o = parse(message)
		}
		if method == "Bidi" {
			if err := send(stream, o.count, make([]byte, o.size), c); err != nil {
				return err
			}
		}
	}
	if method == "ServerStream" {
		if err := send(stream, o.count, make([]byte, o.size), c); err != nil {
			return err
		}
	}
	if err := wait(stream.Context(), o.hold); err != nil {
		return err
	}
	if o.status != 0 {
		return status.Error(codes.Code(o.status), "as asked: \u00fc%")
	}
	if method == "Unary" || method == "ClientStream" {
		return send(stream, 1, make([]byte, o.size), c)
	}
	return nil
}

var methods = map[string]bool{"Unary": true, "ServerStream": true, "ClientStream": true, "Bidi": true}

func handle(truth *os.File) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		path, _ := grpc.MethodFromServerStream(stream)
		if path == health {
			return send(stream, 1, []byte{8, 1}, &counts{})
		}
		method := strings.TrimPrefix(path, service)
		if !methods[method] {
			return status.Error(codes.Unimplemented, "no such method")
		}
		var c counts
		err := echo(method, stream, &c)
		fmt.Fprintf(truth, "%s %d %d %d\n", method, status.Code(err), c.got, c.sent)
		return err
	}
}

func serveGRPC(port string, truth *os.File, secure bool) {
	options := []grpc.ServerOption{grpc.ForceServerCodecV2(raw{}),
		grpc.UnknownServiceHandler(handle(truth)), grpc.MaxRecvMsgSize(64 << 20)}
	if secure {
		cred, err := credentials.NewServerTLSFromFile(certs("server.pem"), certs("server.pem"))
		check(err)
		options = append(options, grpc.Creds(cred))
	}
	check(grpc.NewServer(options...).Serve(listen("LISTEN", port)))
}

// ---- the client ----

// A line of standard input.
type script struct {
	method                                  string
	status, count, size, hold               int
	send, sendSize, pause, deadline, cancel int
	times, together                         int
}

func (s *script) read(line string) {
	fmt.Sscan(line, &s.method, &s.status, &s.count, &s.size, &s.hold, &s.send, &s.sendSize,
		&s.pause, &s.deadline, &s.cancel, &s.times, &s.together)
}

func (s *script) message() []byte {
	head := fmt.Sprintf("%d %d %d %d\n", s.status, s.count, s.size, s.hold)
	return append([]byte(head), make([]byte, max(0, s.sendSize-len(head)))...)
}

type result struct {
	counts
	bytes int
}

func exchange(ctx context.Context, conn *grpc.ClientConn, s *script, r *result) error {
	desc := &grpc.StreamDesc{ClientStreams: s.method == "ClientStream" || s.method == "Bidi",
		ServerStreams: s.method == "ServerStream" || s.method == "Bidi"}
	path := service + s.method
	if s.method == "Health" {
		path = health
	}
	stream, err := conn.NewStream(ctx, desc, path)
	if err != nil {
		return err
	}
	message := s.message()
	for i := 0; i < s.send; i++ {
		if stream.SendMsg(&message) != nil {
			break // RecvMsg says why
		}
		r.sent++
	}
	if s.pause > 0 {
		wait(ctx, s.pause)
	}
	stream.CloseSend()
	for {
		var answer []byte
		if err := stream.RecvMsg(&answer); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		r.got++
		r.bytes += len(answer)
		if !desc.ServerStreams {
			return nil
		}
	}
}

func oneCall(conn *grpc.ClientConn, s *script) string {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if s.deadline > 0 {
		ctx, stop = context.WithTimeout(ctx, time.Duration(s.deadline)*time.Millisecond)
		defer stop()
	}
	if s.cancel > 0 {
		time.AfterFunc(time.Duration(s.cancel)*time.Millisecond, stop)
	}
	var r result
	start := time.Now()
	err := exchange(ctx, conn, s, &r)
	return fmt.Sprintf(`{"method":"%s","status":%d,"sent":%d,"got":%d,"bytes":%d,"seconds":%.6f}`,
		s.method, status.Code(err), r.sent, r.got, r.bytes, time.Since(start).Seconds())
}

// For each line of standard input the calls that it asks for; prints what became of each.
func call(target string, secure bool) {
	cred := insecure.NewCredentials()
	if secure {
		cred = credentials.NewClientTLSFromCert(ca(), "")
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(cred),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(64<<20)))
	check(err)
	fmt.Println("READY")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var s script
		s.read(lines.Text())
		var calls, printing sync.WaitGroup
		said := make(chan string, 64)
		printing.Go(func() {
			for line := range said {
				fmt.Println(line)
			}
		})
		left := make(chan struct{}, s.times)
		for range s.times {
			left <- struct{}{}
		}
		close(left)
		for range s.together {
			calls.Go(func() {
				for range left {
					said <- oneCall(conn, &s)
				}
			})
		}
		calls.Wait()
		close(said)
		printing.Wait()
	}
}
