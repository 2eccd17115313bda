# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# WEBrick, a thread for each connection, over TLS and over plain TCP on a second port.
# ruby ruby_tls.rb PORT [verify]        PORT 0: choose one. Prints "PLAIN <port>", "LISTEN <port>".
require 'webrick'
require 'webrick/https'

certs = ENV['TLS_CERTS']
pem = File.read("#{certs}/server.pem")
tls = { SSLEnable: true, SSLCertificate: OpenSSL::X509::Certificate.new(pem),
        SSLPrivateKey: OpenSSL::PKey.read(pem) }
if ARGV[1] == 'verify'
  tls.update(SSLVerifyClient: OpenSSL::SSL::VERIFY_PEER | OpenSSL::SSL::VERIFY_FAIL_IF_NO_PEER_CERT,
             SSLCACertificateFile: "#{certs}/ca.pem")
end

class Endpoints < WEBrick::HTTPServlet::AbstractServlet
  def service(req, res)
    _, first, last = req.path.split('/')
    body = req.body.to_s
    sleep(last.to_i / 1000.0) if first == 'sleep'
    answers = { 'hello' => "hello\n", 'users' => "user #{last}\n", 'sleep' => "slept\n",
                'status' => "status\n", 'echo' => body, 'sink' => "#{body.bytesize}\n" }
    res.body = first == 'big' ? 'x' * last.to_i : answers.fetch(first, "not found\n")
    res.status = first == 'status' ? last.to_i : 200
    res['Content-Type'] = 'text/plain'
  end
end

quiet = { Logger: WEBrick::Log.new(File::NULL), AccessLog: [], BindAddress: '127.0.0.1',
          RequestTimeout: 120 }
servers = [[0, {}, 'PLAIN'], [ARGV[0].to_i, tls, 'LISTEN']].map do |port, more, word|
  server = WEBrick::HTTPServer.new(Port: port, **quiet, **more)
  server.mount('/', Endpoints)
  server.listeners.each { |l| l.to_io.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) }
  puts "#{word} #{server.listeners[0].addr[1]}"
  server
end
$stdout.flush
trap('TERM') { exit! }
servers.map { |s| Thread.new { s.start } }.each(&:join)
