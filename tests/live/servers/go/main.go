// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// net/http server, net/http client.
// server PORT        PORT 0: choose one. Prints "LISTEN <port>".
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

var handled int64

// tail is the number behind the last slash of the path.
func tail(r *http.Request) int {
	n, _ := strconv.Atoi(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	return n
}

func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello\n") }

func sleep(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Duration(tail(r)) * time.Millisecond)
	io.WriteString(w, "slept\n")
}

func status(w http.ResponseWriter, r *http.Request) { w.WriteHeader(tail(r)) }

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Write(body)
}

func chunked(w http.ResponseWriter, r *http.Request) {
	for _, piece := range []string{"one\n", "two\n", "three\n"} {
		io.WriteString(w, piece)
		w.(http.Flusher).Flush()
	}
}

func big(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(tail(r)))
	w.Write(bytes.Repeat([]byte("x"), tail(r)))
}

func users(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "user %d\n", tail(r)) }

func count(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, atomic.AddInt64(&handled, -1))
}

func call(w http.ResponseWriter, r *http.Request) {
	answer, err := http.Get(r.URL.Query().Get("url"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	fmt.Fprintln(w, answer.StatusCode)
}

func main() {
	mux := http.NewServeMux()
	for path, handler := range map[string]http.HandlerFunc{
		"/hello": hello, "/sleep/": sleep, "/status/": status, "/echo": echo,
		"/chunked": chunked, "/big/": big, "/users/": users, "/count": count, "/call": call,
	} {
		mux.HandleFunc(path, handler)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("LISTEN", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt64(&handled, 1)
		mux.ServeHTTP(w, r)
	}))
}
