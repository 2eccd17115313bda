// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// net/http over crypto/tls, HTTP/1.1 only.
// server PORT CERTIFICATE KEY        PORT 0: choose one. Prints "LISTEN <port>".
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

var handled int64

func hello(w http.ResponseWriter, r *http.Request) {
	atomic.AddInt64(&handled, 1)
	io.WriteString(w, "hello\n")
}

func count(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, atomic.LoadInt64(&handled)) }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
	must(err)
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	must(err)
	http.HandleFunc("/hello", hello)
	http.HandleFunc("/count", count)
	fmt.Println("LISTEN", listener.Addr().(*net.TCPAddr).Port)
	must(http.Serve(tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS13,
	}), nil))
}
