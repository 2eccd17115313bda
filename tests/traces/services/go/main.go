// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// net/http server, net/http client. See ../README.md.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	name   = os.Getenv("NAME")
	to     = strings.Split(os.Getenv("TO"), ",")
	handOn = strings.FieldsFunc(os.Getenv("HAND_ON"), func(r rune) bool { return r == ',' })
	truth  *os.File
	ids    int64
	client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64,
		DisableKeepAlives: os.Getenv("KEEP") == "no"}}
)

// own: the headers of the request being served; nil: none is.
func call(url string, own http.Header, kind string) bool {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return false
	}
	request.Header.Set("X-Truth-Id", fmt.Sprintf("%s-%s%d", name, kind, atomic.AddInt64(&ids, 1)))
	request.Header.Set("X-Truth-Parent", "none")
	if own != nil {
		request.Header.Set("X-Truth-Parent", own.Get("X-Truth-Id"))
	}
	for _, name := range handOn {
		if value := own.Get(name); value != "" {
			request.Header.Set(name, value)
		}
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func one(own http.Header) bool { return call(to[0], own, "") }

func two(own http.Header) bool { return one(own) && one(own) }

func all(own http.Header) bool {
	var bad int64
	var wait sync.WaitGroup
	for _, url := range to {
		wait.Add(1)
		go func(url string) {
			defer wait.Done()
			if !call(url, own, "") {
				atomic.AddInt64(&bad, 1)
			}
		}(url)
	}
	wait.Wait()
	return bad == 0
}

func late(own http.Header) bool {
	time.Sleep(3 * time.Millisecond)
	return one(own)
}

var paths = map[string]func(http.Header) bool{
	"/leaf": func(http.Header) bool { return true },
	"/one":  one, "/two": two, "/all": all, "/late": late,
}

func serve(w http.ResponseWriter, r *http.Request) {
	own := r.Header
	if truth != nil {
		fmt.Fprintln(truth, own.Get("X-Truth-Id"), own.Get("X-Truth-Parent"), name)
	}
	if r.URL.Path == "/stream" {
		io.WriteString(w, "one\n")
		w.(http.Flusher).Flush()
		one(own)
	} else if !paths[r.URL.Path](own) {
		w.WriteHeader(http.StatusBadGateway)
	}
	io.WriteString(w, "ok\n")
}

func tick(url string) {
	for url != "" {
		call(url, nil, "tick")
		time.Sleep(5 * time.Millisecond)
	}
}

func main() {
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err == nil && os.Getenv("TRUTH") != "" {
		truth, err = os.OpenFile(os.Getenv("TRUTH"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("LISTEN", listener.Addr().(*net.TCPAddr).Port)
	go tick(os.Getenv("TICK"))
	http.Serve(listener, http.HandlerFunc(serve))
}
