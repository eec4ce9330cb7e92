package print

import "rsc.io/qr/coding"

// Code makes a QR code for the screen: how many modules it has on a side, with
// the white ones around, and the path of SVG around its dark ones, in modules.
func Code(text string) (side int, path string, err error) {
	q, err := new(encoder).encode(text, coding.M)
	if err != nil {
		return 0, "", err
	}
	var o output
	o.path(q)
	return int(q.modules()), string(o.b), nil
}
