module wws

go 1.19
