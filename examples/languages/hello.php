<?php
// Run: php examples/languages/hello.php http://localhost:9876

$url = $argv[1] ?? 'http://localhost:9876';

$form = http_build_query([
    'code_b64' => base64_encode(file_get_contents('examples/languages/hello.py')),
    'kwargs_b64' => json_encode(['name' => 'PHP']),
]);
$answer = file_get_contents("$url/hello", context: stream_context_create(['http' => [
    'method' => 'POST',
    'header' => 'Content-Type: application/x-www-form-urlencoded',
    'content' => $form,
    'ignore_errors' => true,
]]));
if (!str_contains($http_response_header[0], ' 200 ')) {
    exit($answer);
}
echo $answer, "\n";
