package entry

import (
	"cmp"
	"strings"

	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// A mark in what a browser calls itself, and what people call it. The first that
// is found counts: most browsers also say that they are several others.
type mark struct{ mark, name string }

func browserMarks() []mark {
	return []mark{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}}
}

func systemMarks() []mark {
	return []mark{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
}

func find(agent string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(agent, m.mark) {
			return m.name
		}
	}
	return ""
}

// browserName says in few words what a browser calls itself. The text is
// hostile: anybody may say anything.
func browserName(q *panel.Request, agent string) string {
	browser, system := find(agent, browserMarks()), find(agent, systemMarks())
	if browser != "" && system != "" {
		return q.T("entry.sessions.on", "browser", browser, "system", system)
	}
	return cmp.Or(browser, system, agent, q.T("entry.sessions.unknown"))
}
