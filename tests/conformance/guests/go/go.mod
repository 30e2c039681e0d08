module conformance

go 1.26

require leveret/plugin v0.0.0

replace leveret/plugin => ../../../../guest-sdk/go
