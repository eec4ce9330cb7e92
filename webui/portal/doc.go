// Package portal serves the guest's pages and catches the web traffic of
// devices that are not let in.
//
// One listener serves both. A request whose Host is one of the portal's own
// names or addresses is for a page; any other was redirected here by the gate
// and is answered with a redirect to the welcome page, which is what makes a
// device show its sign-in sheet.
//
// A device is known by the address of its connection alone. Cookies and
// forwarded headers mean nothing here: the browsers of sign-in sheets lose the
// first, and guests can write the second.
package portal
