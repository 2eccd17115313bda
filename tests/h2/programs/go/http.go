// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// What was answered: the status that a handler chose.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if status >= 200 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func serve(w http.ResponseWriter, r *http.Request, stop func()) {
	words := strings.Split(r.URL.Path, "/")
	n := 0
	if len(words) > 2 {
		n, _ = strconv.Atoi(words[2])
	}
	switch words[1] {
	case "hello":
		io.WriteString(w, "hello\n")
	case "users":
		fmt.Fprintf(w, "user %d\n", n)
	case "status":
		w.WriteHeader(n)
		if n >= 200 && n != 204 && n != 304 {
			io.WriteString(w, "status\n")
		}
	case "sleep":
		select {
		case <-time.After(time.Duration(n) * time.Millisecond):
			io.WriteString(w, "slept\n")
		case <-r.Context().Done():
		}
	case "big":
		w.Header().Set("Content-Length", words[2])
		w.Write(bytes.Repeat([]byte("x"), n))
	case "echo":
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	case "sink":
		size, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d\n", size)
	case "trailers":
		w.Header().Set("Trailer", "X-Last")
		io.WriteString(w, "trailers\n")
		w.Header().Set("X-Last", "done")
	case "early":
		w.Header().Set("Link", "</style>; rel=preload")
		w.WriteHeader(103)
		io.WriteString(w, "early\n")
	case "reset":
		io.WriteString(w, "a part")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case "goaway":
		stop()
		io.WriteString(w, "goodbye\n")
	default:
		http.NotFound(w, r)
	}
}

func serveHTTP(port string, truth *os.File) {
	var web *http.Server
	stop := func() { go web.Shutdown(context.Background()) }
	handler := func(w http.ResponseWriter, r *http.Request) {
		a := &answer{w, 200}
		defer func() { fmt.Fprintf(truth, "%s %s %d\n", r.Method, r.URL.Path, a.status) }()
		serve(a, r, stop)
	}
	web = &http.Server{Handler: http.HandlerFunc(handler), ErrorLog: log.New(io.Discard, "", 0),
		Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 20000}}
	web.Protocols.SetHTTP1(true)
	web.Protocols.SetHTTP2(true)
	web.Protocols.SetUnencryptedHTTP2(true)
	go web.Serve(listen("PLAIN", "0"))
	web.ServeTLS(listen("LISTEN", port), certs("server.pem"), certs("server.pem"))
	select {} // shut down: what is in flight ends by itself
}
