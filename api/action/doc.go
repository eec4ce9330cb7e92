// Package action serves the action API: one path, one parameter that chooses
// what to do, and messages that programs written for other devices know word
// for word. docs/api.md is its public documentation.
//
// Field names, their order, their JSON types and the messages are a contract
// with those programs. Nothing documented is ever renamed or retyped; what is
// added stands behind it.
package action
