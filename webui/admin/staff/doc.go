// Package staff is the panel's page of operators: who may sign in, as what, and
// with which browsers they are. It is for owners. What one may do to another is
// a rule of the operators' keeper: an owner's password, for one, is changed by
// that owner only.
package staff
