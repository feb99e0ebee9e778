# Run: ruby examples/languages/hello.rb http://localhost:9876

require 'json'
require 'net/http'

url = ARGV.fetch(0, 'http://localhost:9876')

answer = Net::HTTP.post_form(
  URI("#{url}/hello"),
  code_b64: [File.read('examples/languages/hello.py')].pack('m0'),
  kwargs_b64: { name: 'Ruby' }.to_json
)
abort answer.body unless answer.is_a?(Net::HTTPSuccess)
puts answer.body
