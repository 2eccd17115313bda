// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! client-reqwest URL N keep|new rustls|native
//! Waits for a line on standard input; prints each status.

use reqwest::{Certificate, Client};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let ca = std::fs::read(tls::certs("ca.pem")).expect("ca.pem");
    let builder = Client::builder()
        .tls_built_in_root_certs(false)
        .add_root_certificate(Certificate::from_pem(&ca).expect("CA"))
        .pool_max_idle_per_host(if words[3] == "keep" { 1 } else { 0 });
    let builder = if words[4] == "rustls" { builder.use_rustls_tls() } else { builder.use_native_tls() };
    let client = builder.build().expect("client");
    println!("READY");
    std::io::stdin().read_line(&mut String::new()).expect("stdin");
    for _ in 0..words[2].parse::<u32>().expect("N") {
        let answer = client.get(&words[1]).send().await.expect("answer");
        let status = answer.status().as_u16();
        answer.bytes().await.expect("body");
        println!("{status}");
    }
}
