// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// net/http over crypto/tls, for any Go from 1.15 on.
//
//	server PORT [verify]            PORT 0: choose one. Prints "PLAIN <port>", "LISTEN <port>".
//	server client URL N keep|new    waits for a line on standard input; prints each status
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"io/ioutil"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func certs(name string) string { return os.Getenv("TLS_CERTS") + "/" + name }

func ca() *x509.CertPool {
	pem, err := ioutil.ReadFile(certs("ca.pem"))
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// ---- the server ----

func serve(w http.ResponseWriter, r *http.Request) {
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
		io.WriteString(w, "status\n")
	case "sleep":
		time.Sleep(time.Duration(n) * time.Millisecond)
		io.WriteString(w, "slept\n")
	case "big":
		w.Header().Set("Content-Length", words[2])
		w.Write(bytes.Repeat([]byte("x"), n))
	case "echo":
		body, _ := ioutil.ReadAll(r.Body)
		w.Write(body)
	case "sink":
		size, _ := io.Copy(ioutil.Discard, r.Body)
		fmt.Fprintf(w, "%d\n", size)
	default:
		http.NotFound(w, r)
	}
}

func listen(word, port string) net.Listener {
	listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
	check(err)
	fmt.Println(word, listener.Addr().(*net.TCPAddr).Port)
	return listener
}

// panicIfAsked leaves the handshake without a return from it; net/http goes on.
func panicIfAsked(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if hello.ServerName == "panic.test" {
		panic(http.ErrAbortHandler)
	}
	return nil, nil
}

func server(port string, verify bool) {
	pair, err := tls.LoadX509KeyPair(certs("server.pem"), certs("server.pem"))
	check(err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, GetConfigForClient: panicIfAsked}
	if verify {
		config.ClientCAs, config.ClientAuth = ca(), tls.RequireAndVerifyClientCert
	}
	quiet := log.New(ioutil.Discard, "", 0)
	web := &http.Server{Handler: http.HandlerFunc(serve), ErrorLog: quiet}
	go web.Serve(listen("PLAIN", "0"))
	check(web.Serve(tls.NewListener(listen("LISTEN", port), config)))
}

// ---- the client ----

func client(url, n string, keep bool) {
	one := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: ca()}, DisableKeepAlives: !keep,
		Proxy: http.ProxyFromEnvironment}}
	fmt.Println("READY")
	bufio.NewReader(os.Stdin).ReadString('\n')
	count, _ := strconv.Atoi(n)
	for i := 0; i < count; i++ {
		answer, err := one.Get(url)
		check(err)
		io.Copy(ioutil.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode)
	}
}

func main() {
	if os.Args[1] == "client" {
		client(os.Args[2], os.Args[3], os.Args[4] == "keep")
	} else {
		server(os.Args[1], len(os.Args) > 2)
	}
}
