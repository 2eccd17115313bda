// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// net/http over crypto/tls, for any Go from 1.15 on.
//
//	server PORT [verify]            PORT 0: choose one. Prints "PLAIN <port>", "LISTEN <port>".
//	server PORT again               one connection after the other, see again(). Prints "LISTEN <port>".
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
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"
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
	if len(os.Args) > 2 && os.Args[2] == "again" {
		again(listen("LISTEN", port), config)
	}
	quiet := log.New(ioutil.Discard, "", 0)
	web := &http.Server{Handler: http.HandlerFunc(serve), ErrorLog: quiet}
	go web.Serve(listen("PLAIN", "0"))
	check(web.Serve(tls.NewListener(listen("LISTEN", port), config)))
}

// at returns an object at this address, which was freed, or at any when it is 0.
func at(address uintptr, conn net.Conn, config *tls.Config) *tls.Conn {
	var others []*tls.Conn
	for i := 0; i < 4096; i++ {
		c := tls.Server(conn, config)
		if address == 0 || uintptr(unsafe.Pointer(c)) == address {
			return c
		}
		others = append(others, c)
	}
	runtime.KeepAlive(others)
	fmt.Println("NOT THERE")
	return tls.Server(conn, config)
}

// talk serves a connection until its end, or until a long answer, whose end the socket has yet to
// send when it is closed. Says where the object was.
func talk(c *tls.Conn, where chan uintptr) {
	in := bufio.NewReader(c)
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			break
		}
		body := []byte("hello\n")
		if words := strings.Split(request.URL.Path, "/"); words[1] == "big" {
			n, _ := strconv.Atoi(words[2])
			body = bytes.Repeat([]byte("x"), n)
		}
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
		c.Write(append([]byte(head), body...))
		if len(body) > 1<<16 {
			break
		}
	}
	c.Close()
	where <- uintptr(unsafe.Pointer(c))
}

// again serves each connection by an object at the address of the last one's.
func again(listener net.Listener, config *tls.Config) {
	var last uintptr
	for {
		conn, err := listener.Accept()
		check(err)
		conn.(*net.TCPConn).SetWriteBuffer(1 << 20)
		where := make(chan uintptr)
		go talk(at(last, conn, config), where)
		last = <-where
		conn = nil
		runtime.GC()
		runtime.GC()
	}
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
		server(os.Args[1], len(os.Args) > 2 && os.Args[2] == "verify")
	}
}
