// Run: java examples/languages/Hello.java http://localhost:9876

import static java.net.URLEncoder.encode;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

public class Hello {
    public static void main(String[] args) throws Exception {
        var url = args.length > 0 ? args[0] : "http://localhost:9876";
        var code = Files.readAllBytes(Path.of("examples/languages/hello.py"));

        var form = "code_b64=" + Base64.getUrlEncoder().encodeToString(code)
                + "&kwargs_b64=" + encode("{\"name\": \"Java\"}", UTF_8);
        var request = HttpRequest.newBuilder(URI.create(url + "/hello"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString(form))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new RuntimeException(answer.body());
        System.out.println(answer.body());
    }
}
