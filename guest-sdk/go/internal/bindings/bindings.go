// Package bindings is only a folder: wit-bindgen makes the packages in it from the contract in `wit/`.
package bindings

//go:generate ./generate.sh
