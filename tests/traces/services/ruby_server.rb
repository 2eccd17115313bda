# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# WEBrick (a thread for each connection) and Net::HTTP. See README.md.
require 'net/http'
require 'webrick'

NAME = ENV.fetch('NAME', 'ruby')
TO = ENV.fetch('TO', '').split(',').map { |u| URI(u) }
TRUTH = File.open(ENV.fetch('TRUTH', File::NULL), 'a')
TRUTH.sync = true
IDS = [0] # the last one
LOCK = Mutex.new

def call(url, parent, kind = '')
  id = LOCK.synchronize { IDS[0] += 1 }
  request = Net::HTTP::Get.new(url, 'X-Truth-Id' => "#{NAME}-#{kind}#{id}",
                                    'X-Truth-Parent' => parent)
  Net::HTTP.start(url.host, url.port) { |conn| conn.request(request).code.to_i }
end

PATHS = {
  '/leaf' => ->(_) { [] },
  '/one' => ->(own) { [call(TO[0], own)] },
  '/two' => ->(own) { [call(TO[0], own), call(TO[0], own)] },
  '/all' => ->(own) { TO.map { |url| Thread.new { call(url, own) } }.map(&:value) },
  '/late' => ->(own) { sleep(0.003) && [call(TO[0], own)] }
}.freeze

def stream(res, own)
  res.chunked = true
  res.body = proc do |out|
    out.write("one\n")
    call(TO[0], own)
    out.write("two\n")
  end
end

server = WEBrick::HTTPServer.new(
  BindAddress: '127.0.0.1', Port: Integer(ARGV[0]), MaxClients: 256,
  Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN), AccessLog: []
)
# Head and body are two writes: without this the second would wait for the first one's ACK.
server.listeners.each { |s| s.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) }

server.mount_proc('/') do |req, res|
  own = req['X-Truth-Id'] || '-'
  TRUTH.write("#{own} #{req['X-Truth-Parent'] || '-'} #{NAME}\n")
  next stream(res, own) if req.path == '/stream'

  res.status = PATHS.fetch(req.path).call(own).all?(200) ? 200 : 502
  res.body = "ok\n"
end

$stdout.sync = true
puts "LISTEN #{server.listeners[0].addr[1]}"
if ENV['TICK']
  Thread.new do
    loop do
      call(URI(ENV['TICK']), 'none', 'tick')
      sleep(0.005)
    end
  end
end
trap('TERM') { server.shutdown }
server.start
