module leveret/plugin

go 1.26
