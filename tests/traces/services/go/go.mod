module redeye/tests/traces/services

go 1.19
