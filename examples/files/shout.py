# Run: ./examples/files/shout.sh /files/README.md http://localhost:9876
path().open("examples").bytes().f(bytes.decode).f(str.upper)
