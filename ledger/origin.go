package ledger

import (
	"fmt"
	"net/url"
	"strings"
)

// OriginHost is the host of an origin where passkeys work: HTTPS, or this very
// machine. The origin must be written as browsers write it.
func OriginHost(origin string) (string, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin {
		return "", fmt.Errorf("%q is no origin of a site: want such as https://portal.example.eu", origin)
	}
	host := u.Hostname()
	if u.Scheme != "https" && (u.Scheme != "http" || host != "localhost") {
		return "", fmt.Errorf("%q: passkeys need https, or http://localhost", origin)
	}
	return host, nil
}
