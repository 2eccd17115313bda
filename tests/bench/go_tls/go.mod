module redeye/bench

go 1.19
