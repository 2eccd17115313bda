module redeye/tests/tls

go 1.15
