// Run: go run examples/languages/hello.go http://localhost:9876

package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
)

func main() {
	base := "http://localhost:9876"
	if len(os.Args) > 1 {
		base = os.Args[1]
	}
	code, err := os.ReadFile("examples/languages/hello.py")
	if err != nil {
		log.Fatal(err)
	}

	answer, err := http.PostForm(base+"/hello", url.Values{
		"code_b64":   {base64.StdEncoding.EncodeToString(code)},
		"kwargs_b64": {`{"name": "Go"}`},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		log.Fatal(err, string(body))
	}
	fmt.Println(string(body))
}
