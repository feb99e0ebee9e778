"""The examples, run as their READMEs say: real packages, a real server, a real browser."""
