#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One HTTP client library of Python at work.

client.py LIBRARY URL N keep|new
LIBRARY: urllib, requests, httpx, httpx-async, aiohttp, pycurl, or a libcurl's file name
Waits for a line on standard input; prints each status.
"""

import asyncio
import ctypes
import os
import ssl
import sys
import urllib.request

CA = os.path.join(os.environ["TLS_CERTS"], "ca.pem")
WRITE = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t,
                         ctypes.c_void_p)


def of_urllib():
    ctx = ssl.create_default_context(cafile=CA)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=ctx))

    def get(url, _):
        with opener.open(url) as answer:
            answer.read()
            return answer.status
    return get


def of_requests():
    import requests
    session = requests.Session()

    def get(url, keep):
        one = session if keep else requests
        return one.get(url, verify=CA).status_code
    return get


def of_httpx():
    import httpx
    ctx = ssl.create_default_context(cafile=CA)
    client = httpx.Client(verify=ctx)

    def get(url, keep):
        return client.get(url, headers={} if keep else {"connection": "close"}).status_code
    return get


def of_httpx_async():
    import httpx
    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=CA))

    def get(url, keep):
        headers = {} if keep else {"connection": "close"}
        return loop.run_until_complete(client.get(url, headers=headers)).status_code
    return get


def of_pycurl():
    import pycurl
    curl = pycurl.Curl()
    curl.setopt(pycurl.CAINFO, CA)
    curl.setopt(pycurl.WRITEFUNCTION, len)

    def get(url, keep):
        curl.setopt(pycurl.FORBID_REUSE, not keep)
        curl.setopt(pycurl.URL, url)
        curl.perform()
        return curl.getinfo(pycurl.RESPONSE_CODE)
    return get


def of_libcurl(name):
    """By ctypes; numbers are those of <curl/curl.h>."""
    lib = ctypes.CDLL(name)
    lib.curl_global_init(3)
    lib.curl_easy_init.restype = ctypes.c_void_p
    curl = ctypes.c_void_p(lib.curl_easy_init())
    drop = WRITE(lambda data, size, n, arg: size * n)
    lib.curl_easy_setopt(curl, 10065, CA.encode())    # CURLOPT_CAINFO
    lib.curl_easy_setopt(curl, 20011, drop)           # CURLOPT_WRITEFUNCTION

    def get(url, keep, _=drop):
        code = ctypes.c_long()
        lib.curl_easy_setopt(curl, 75, ctypes.c_long(not keep))  # CURLOPT_FORBID_REUSE
        lib.curl_easy_setopt(curl, 10002, url.encode())          # CURLOPT_URL
        error = lib.curl_easy_perform(curl)
        lib.curl_easy_getinfo(curl, 0x200002, ctypes.byref(code))  # CURLINFO_RESPONSE_CODE
        return code.value or "error %d" % error
    return get


def main():
    library, url, n, mode = sys.argv[1:]
    makers = {"urllib": of_urllib, "requests": of_requests, "httpx": of_httpx,
              "httpx-async": of_httpx_async, "pycurl": of_pycurl}
    get = makers[library]() if library in makers else of_libcurl(library)
    print("READY", flush=True)
    sys.stdin.readline()
    for _ in range(int(n)):
        print(get(url, mode == "keep"), flush=True)


main()
