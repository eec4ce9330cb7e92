package v1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// contract holds requests and answers against the API's own description, with
// a validator that knows nothing of how that was made.
type contract struct {
	t      *testing.T
	h      *house
	router routers.Router
	done   map[string]bool // operations that succeeded
}

func newContract(t *testing.T) *contract {
	openapi3filter.RegisterBodyDecoder("image/png", openapi3filter.FileBodyDecoder)
	t.Helper()
	h := newHouse(t)
	h.backups = wholeBackup{}
	h.restart()
	w := h.do("GET", "/openapi.json", "")
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Fatalf("%s is no valid document: %v", doc.OpenAPI, err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
	return &contract{t: t, h: h, router: router, done: map[string]bool{}}
}

// call sends a request that must fit the description, and checks that the
// answer does, too.
func (c *contract) call(method, path, contentType, body string, status int) map[string]any {
	c.t.Helper()
	device, err := c.h.keys.DeviceKey(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	r := request(method, path, body, "Content-Type", contentType, "Authorization", "Bearer "+device)
	if body == "" {
		r.Header.Del("Content-Type")
	}
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateRequest(c.t.Context(), in); err != nil && status < 400 {
		c.t.Errorf("%s %s: the request is not as described: %v", method, path, err)
	}
	w := httptest.NewRecorder()
	c.h.lan.ServeHTTP(w, r)
	if w.Code != status {
		c.t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		return nil
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(),
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: in.Options}
	if err := openapi3filter.ValidateResponse(c.t.Context(), out); err != nil {
		c.t.Errorf("%s %s: the answer is not as described: %v", method, path, err)
	}
	if status < 400 {
		c.done[route.Operation.OperationID] = true
	}
	var answer map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &answer) // some have none
	return answer
}

func (c *contract) json(method, path, body string, status int) map[string]any {
	c.t.Helper()
	return c.call(method, path, "application/json", body, status)
}

// TestContract walks through every operation.
func TestContract(t *testing.T) {
	c := newContract(t)
	c.walkVouchers()
	c.walkKeys()
	c.walkSystem()
	c.json("GET", "/logins?since=2026-01-01&mac=02:00:5E:10:00:01", "", 200)
	c.walkPeople()
	c.walkCloud()
	c.walkPrint()
	c.walkWebhooks()
	c.walkOperators()
	c.walkStats()
	for _, row := range table(t, c.h.lan) {
		if !c.done[row.id] && row.id != "stream-live" { // which does not end
			t.Errorf("%s was not walked through", row.id)
		}
	}
}

func (c *contract) walkPrint() {
	c.json("GET", "/print/vouchers.pdf?ids=1-3&layout=a4-10", "", 200)
	c.json("GET", "/print/vouchers.pdf?ids=x", "", 422)
}

func (c *contract) walkWebhooks() {
	made := c.json("POST", "/webhooks", `{"url":"https://example.org/","types":["guest.login"]}`, 201)
	id, _ := made["id"].(string)
	c.json("GET", "/webhooks", "", 200) // without a delivery
	c.json("POST", "/webhooks/"+id+"/test", "", 200)
	c.json("GET", "/webhooks", "", 200)
	c.json("GET", "/webhooks/"+id, "", 200)
	c.json("GET", "/webhooks/"+id+"/deliveries", "", 200)
	c.json("GET", "/webhook-deliveries", "", 200)
	c.json("PATCH", "/webhooks/"+id, `{"enabled":false}`, 200)
	c.json("POST", "/webhooks/"+id+"/rotate", `{}`, 200)
	c.json("DELETE", "/webhooks/"+id, "", 204)
	c.json("GET", "/webhooks/"+id, "", 404)
	c.json("GET", "/webhooks/x", "", 404)
}

func (c *contract) walkOperators() {
	c.json("POST", "/operators", `{"email":"owner@example.org","role":"owner","password":"nothing that is tried"}`, 201)
	made := c.json("POST", "/operators", `{"email":"anna@example.org","role":"viewer","password":"far from obvious"}`, 201)
	id, _ := made["id"].(string)
	c.json("GET", "/operators", "", 200)
	c.json("GET", "/operators/"+id, "", 200)
	c.json("PATCH", "/operators/"+id, `{"name":"Anna","role":"manager"}`, 200)
	c.json("PATCH", "/operators/"+id, `{"role":"king"}`, 422)
	c.json("PUT", "/operators/"+id+"/password", `{"password":"another one entirely"}`, 204)
	c.json("DELETE", "/operators/"+id+"/totp", "", 204)
	of, err := api.ParseID(id)
	if err != nil {
		c.t.Fatal(err)
	}
	session := api.Session{ID: api.ID{7}, Operator: of, Created: time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC), From: netip.MustParseAddr("192.168.10.9")}
	c.h.operators.SignedIn(session)
	c.json("GET", "/operators/"+id, "", 200)
	c.json("GET", "/operators/"+id+"/sessions", "", 200)
	c.json("DELETE", "/operators/"+id+"/sessions/"+session.ID.String(), "", 200)
	c.json("DELETE", "/operators/"+id+"/sessions", "", 200)
	c.json("DELETE", "/operators/"+id, "", 204)
	c.json("GET", "/operators/"+id, "", 404)
}

func (c *contract) walkStats() {
	c.logIn(hotspot.MAC{2, 0, 0x5e, 0x10, 0, 1})
	c.json("GET", "/stats/live?guests=5", "", 200)
	c.json("GET", "/stats/history", "", 200)
	c.json("GET", "/stats/history?by=year", "", 422)
	c.json("GET", "/stats/top?days=30&limit=5", "", 200)
	c.json("GET", "/health", "", 200)
	page := c.json("GET", "/audit?limit=1", "", 200)
	next, _ := page["next"].(string)
	c.json("GET", "/audit?limit=1&cursor="+next, "", 200)
	c.json("GET", "/audit?cursor=x", "", 422)
}

func (c *contract) walkCloud() {
	c.json("GET", "/cloud", "", 200)
	c.json("POST", "/cloud/rotate", "", 404)
	c.json("POST", "/cloud", `{"domain":"cloud.test","code":"WRONG"}`, 422)
	c.json("POST", "/cloud", `{"domain":"cloud.test","code":"ABCD-EFGH-IJKL-MNOP","name":"Lobby"}`, 200)
	c.json("POST", "/cloud", `{"domain":"cloud.test","code":"ABCD-EFGH-IJKL-MNOP"}`, 409)
	c.json("PUT", "/cloud", `{"on":false}`, 200)
	c.json("POST", "/cloud/rotate", "", 200)
	c.json("DELETE", "/cloud", "", 200)
}

func (c *contract) walkPeople() {
	err := c.h.store.Update(c.t.Context(), func(tx hotspot.Tx) error {
		return errors.Join(tx.PutUser(&hotspot.User{Method: hotspot.MethodEmail, Key: "a@example.org", MAC: hotspot.MAC{2, 0, 0, 0, 0, 1}}),
			tx.PutUser(&hotspot.User{Method: hotspot.MethodMobile, Key: "15559876543"}))
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.json("GET", "/logins?method=free&q=x", "", 200)
	c.json("GET", "/users?method=email&sort=-last_login&q=a@", "", 200)
	c.json("GET", "/users/email-1", "", 200)
	c.json("GET", "/users/a@example.org/export", "", 200)
	c.json("DELETE", "/users/a@example.org", "", 200)
	for path, status := range map[string]int{"/users/email-1": 404, "/users/room": 422} {
		c.json("DELETE", path, "", status)
		c.json("GET", path, "", status)
		c.json("GET", path+"/export", "", status)
	}
	c.json("DELETE", "/users/mobile-1", "", 200)
}

func (c *contract) walkVouchers() {
	c.json("POST", "/vouchers", `{"username":"anna","note":"room 7","valid_for":"2 days","download_limit":1048576}`, 201)
	c.json("POST", "/vouchers", `{"count":3}`, 201)
	c.json("POST", "/vouchers", `{"username":"ANNA"}`, 409)
	c.json("POST", "/vouchers", `{"count":9999}`, 422)
	c.json("POST", "/vouchers", `{`, 400)
	page := c.json("GET", "/vouchers?limit=2&sort=-username&q=a", "", 200)
	if next, _ := page["next"].(string); next != "" {
		c.json("GET", "/vouchers?limit=2&sort=-username&q=a&cursor="+next, "", 200)
	}
	c.json("GET", "/vouchers?cursor=x", "", 422)
	c.json("GET", "/vouchers/anna", "", 200)
	c.json("GET", "/vouchers/nobody", "", 404)
	c.json("PATCH", "/vouchers/anna", `{"note":"room 8","top_up_download":5}`, 200)
	c.json("POST", "/vouchers/edit", `{"where":{"note":"room*"},"edit":{"disabled":true}}`, 200)
	c.call("POST", "/vouchers/import?on_conflict=skip", "application/x-ndjson", "{\"username\":\"berta\"}\n", 200)
	c.call("POST", "/vouchers/import?lenient=true", "application/x-ndjson", "{\"username\":\"berta\"}\nx\n", 200)
	c.json("POST", "/vouchers/remove", `{"usernames":["berta"]}`, 200)
	gone := c.json("POST", "/vouchers/remove", `{"usernames":["anna"],"undoable":true}`, 200)
	note, _ := gone["undo"].(map[string]any)
	id, _ := note["id"].(string)
	c.json("POST", "/vouchers/undo", `{"id":"`+id+`"}`, 200)
	c.json("POST", "/vouchers/undo", `{"id":"`+id+`"}`, 404)
	c.json("DELETE", "/vouchers/anna", "", 204)
}

func (c *contract) walkKeys() {
	made := c.json("POST", "/keys", `{"label":"till","scopes":["vouchers"],"viewable":true}`, 201)
	id, _ := made["id"].(string)
	c.json("POST", "/keys", `{"label":"till"}`, 409)
	c.json("GET", "/keys", "", 200)
	c.json("GET", "/keys/"+id, "", 200)
	c.json("GET", "/keys/"+id+"/secret", "", 200)
	c.json("PATCH", "/keys/"+id, `{"label":"till 2"}`, 200)
	c.json("POST", "/keys/"+id+"/token", "", 201)
	c.json("DELETE", "/keys/"+id+"/tokens", "", 204)
	c.json("DELETE", "/keys/"+id, "", 204)
	c.json("GET", "/keys/"+id, "", 404)
	c.json("GET", "/device-key", "", 200)
	c.json("POST", "/device-key/token", "", 201)
	c.json("DELETE", "/device-key/tokens", "", 204)
	c.json("POST", "/device-key/regenerate", "", 200)
}

func (c *contract) walkDevices() {
	const mac = "02:00:5E:10:00:01"
	c.json("DELETE", "/guests/"+mac, "", 404)
	c.json("POST", "/guests/"+mac+"/extend", `{"minutes":5}`, 404)
	c.logIn(hotspot.MAC{2, 0, 0x5e, 0x10, 0, 1})
	c.json("POST", "/guests/"+mac+"/extend", `{}`, 422)
	c.json("POST", "/guests/"+mac+"/extend", `{"minutes":5,"download":1048576,"upload":1}`, 204)
	c.json("POST", "/guests/x/extend", `{"minutes":5}`, 422)
	c.json("DELETE", "/guests/"+mac, "", 204)
	c.json("POST", "/blocked-devices", `{"mac":"`+mac+`","note":"room 9"}`, 200)
	c.json("POST", "/blocked-devices", `{"mac":"ff:ff:ff:ff:ff:ff"}`, 422)
	c.json("POST", "/blocked-devices", `{"mac":"x"}`, 422)
	c.json("GET", "/blocked-devices", "", 200)
	c.json("DELETE", "/blocked-devices/"+mac, "", 204)
	c.json("DELETE", "/blocked-devices/"+mac, "", 404)
}

// logIn lets a device in with a voucher of its own.
func (c *contract) logIn(m hotspot.MAC) {
	c.t.Helper()
	made, err := c.h.service.CreateVouchers(c.t.Context(), hotspot.VoucherSpec{})
	if err == nil {
		host, _ := c.h.hosts.ByMAC(m)
		_, err = c.h.service.Login(c.t.Context(), host, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: made[0].ID, Login: made[0].Username})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *contract) walkSystem() {
	c.h.hosts.Put(hotspot.Host{MAC: hotspot.MAC{2, 0, 0x5e, 0x10, 0, 1}, Name: "phone"})
	c.json("GET", "/status", "", 200)
	c.json("GET", "/settings", "", 200)
	c.json("PUT", "/settings/api.post", `{"value":"on"}`, 200)
	c.json("PUT", "/settings/api.post", `{"value":"perhaps"}`, 422)
	c.json("GET", "/settings/api.post", "", 200)
	c.json("PATCH", "/settings", `{"values":{"venue.name":"Café","api.get":"on"}}`, 200)
	c.json("PATCH", "/settings", `{"values":{"venue.name":"lost","api.get":"perhaps"}}`, 422)
	c.json("PATCH", "/settings", `{"values":{"no.such":"on"}}`, 404)
	c.call("GET", "/logo", "", "", 404)
	c.call("PUT", "/logo", "image/png", onePixel(c.t), 204)
	c.call("PUT", "/logo", "image/jpeg", "<svg/>", 422)
	c.call("GET", "/logo", "", "", 200)
	c.json("DELETE", "/logo", "", 204)
	c.json("DELETE", "/logo", "", 404)
	c.json("GET", "/guests", "", 200)
	c.json("GET", "/hosts", "", 200)
	c.walkDevices()
	c.json("PUT", "/clock", `{"synced":true}`, 204)
	c.call("POST", "/restore?dry_run=true", "application/octet-stream", "12345", 200)
	c.call("GET", "/backup", "", "", 200)
	c.json("GET", "/snapshots", "", 200)
	c.call("GET", "/snapshots/a", "", "", 200)
	c.json("GET", "/about", "", 200)
	c.json("GET", "/configuration", "", 200)
	c.json("GET", "/clock", "", 200)
	c.json("POST", "/examination", "", 200)
	c.json("GET", "/log?level=warn&q=ready&limit=5", "", 200)
	c.json("GET", "/log?level=loud", "", 422)
	c.call("GET", "/support-bundle?personal=true", "", "", 200)
}

// onePixel is a picture.
func onePixel(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wholeBackup is a backup that is fine.
type wholeBackup struct{ torn }

func (wholeBackup) Backup(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "12345")
	return err
}
