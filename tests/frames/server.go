// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// server PORT [CERTIFICATE KEY]: an HTTP/2 server. /N answers with N bytes.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

func answer(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Path[1:])
	io.Copy(io.Discard, r.Body)
	w.Write(bytes.Repeat([]byte("x"), n))
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(answer), Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	fmt.Println("listen")
	if len(os.Args) > 3 {
		panic(s.ServeTLS(l, os.Args[2], os.Args[3]))
	}
	panic(s.Serve(l))
}
