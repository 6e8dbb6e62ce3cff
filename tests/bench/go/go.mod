module bench

go 1.19

require wws v0.0.0

replace wws => ../../../bindings/go
