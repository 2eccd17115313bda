# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What is in stock: forty items, now and then slow, now and then broken.
# ruby stock.rb    prints "LISTEN <port>", then its access log
require 'json'
require 'webrick'

ITEMS = 40
$stdout.sync = true

# Exponential, 4 ms in the middle, with a slow one now and then.
def search_the_shelves
  sleep(rand < 0.02 ? 0.15 : -0.004 * Math.log(1 - rand))
end

def show(id)
  return [404, { error: 'no such item' }] if id > ITEMS

  [200, { item: id, price: 100 + id }]
end

def reserve(id)
  return [500, { error: 'shelf collapsed' }] if rand < 0.05
  return [409, { error: 'sold out' }] if id > ITEMS

  [201, { item: id, reserved: true }]
end

server = WEBrick::HTTPServer.new(
  BindAddress: '127.0.0.1', Port: 0, Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN),
  AccessLog: [[$stdout, '%m %U %s']]
)
# Head and body are two writes: without this the second would wait for the first one's ACK.
server.listeners.each { |s| s.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) }

server.mount_proc('/items') do |req, res|
  search_the_shelves
  status, reply =
    case [req.request_method, req.path]
    in ['GET', %r{\A/items/(\d+)\z}] then show($1.to_i)
    in ['POST', %r{\A/items/(\d+)/reservations\z}] then reserve($1.to_i)
    else [404, { error: 'not found' }]
    end
  res.status = status
  res['Content-Type'] = 'application/json'
  res.body = JSON.generate(reply)
end

puts "LISTEN #{server.listeners[0].addr[1]}"
trap('TERM') { server.shutdown }
server.start
