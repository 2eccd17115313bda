// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

func ca() *x509.CertPool {
	pem, err := os.ReadFile(certs("ca.pem"))
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// A cookie and a token of 4 KiB together, no two requests' alike; tests/h2/headers.py knows them.
func filler(i int) (cookie, token string) {
	unit := fmt.Sprintf("%08x", uint32(i)*2654435761)
	return "s=" + strings.Repeat(unit, 256), "Bearer " + strings.Repeat(unit, 255)
}

func one(client *http.Client, url string, i int, large bool) string {
	request, err := http.NewRequest("GET", strings.Replace(url, "#", fmt.Sprint(i), 1), nil)
	check(err)
	if large {
		cookie, token := filler(i)
		request.Header.Set("Cookie", cookie)
		request.Header.Set("Authorization", token)
		request.Header.Set("X-Number", fmt.Sprint(i))
	}
	answer, err := client.Do(request)
	if err != nil {
		return "error"
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return "error"
	}
	return fmt.Sprint(answer.StatusCode)
}

// For each line "FIRST N TOGETHER plain|large" of standard input: N requests, so many at a time,
// "#" in the URL being FIRST, FIRST + 1, ...; prints each status. Prints "READY" before.
func get(url string) {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols,
		TLSClientConfig: &tls.Config{RootCAs: ca()}}}
	fmt.Println("READY")
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		var first, n, together int
		var kind string
		fmt.Sscan(lines.Text(), &first, &n, &together, &kind)
		numbers, said := make(chan int), make(chan string)
		var working sync.WaitGroup
		for range together {
			working.Go(func() {
				for i := range numbers {
					said <- one(client, url, i, kind == "large")
				}
			})
		}
		go func() {
			for i := first; i < first+n; i++ {
				numbers <- i
			}
			close(numbers)
			working.Wait()
			close(said)
		}()
		for status := range said {
			fmt.Fprintln(out, status)
		}
		out.Flush()
	}
}
