// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// HTTP/2 and gRPC by Go.
//
//	server http PORT LOG            net/http: h2c by prior knowledge, TLS. PORT 0: choose one
//	server grpc PORT LOG [tls]      grpc-go
//	server get URL                  net/http as a client, see client.go
//	server call HOST:PORT [tls]     grpc-go as a client, see grpc.go
//
// Servers print "PLAIN <port>" and "LISTEN <port>"; LOG gets a line for each request when it has
// been answered.
package main

import (
	"fmt"
	"net"
	"os"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func certs(name string) string { return os.Getenv("TLS_CERTS") + "/" + name }

func listen(word, port string) net.Listener {
	listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
	check(err)
	fmt.Println(word, listener.Addr().(*net.TCPAddr).Port)
	return listener
}

// One write for each line: it is whole, and there when the next request is.
func openLog(path string) *os.File {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	check(err)
	return file
}

func main() {
	words := append(os.Args[1:], "", "", "")
	switch words[0] {
	case "http":
		serveHTTP(words[1], openLog(words[2]))
	case "grpc":
		serveGRPC(words[1], openLog(words[2]), words[3] == "tls")
	case "get":
		get(words[1])
	case "call":
		call(words[1], words[2] == "tls")
	}
}
