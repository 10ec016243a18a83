#!/usr/bin/perl
# Serves one page on port 80. Each %name% in it is what the container of that name answers.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
$SIG{TERM} = $SIG{INT} = sub { exit 0 };
my $page = do { local (@ARGV, $/) = 'index.html'; <> };
my $server = IO::Socket::INET->new(LocalPort => 80, Listen => 64, ReuseAddr => 1) or die "cannot listen: $@\n";
print "serves its page on port 80\n";

while (my $client = $server->accept) {
  my ($method, $path) = split ' ', (<$client> // '');
  while (my $line = <$client>) { last if $line =~ /^\r?\n$/ }
  my ($status, $body) = ($path // '') eq '/' ? ('200 OK', $page =~ s/%(\w+)%/ask($1)/ger) : ('404 Not Found', "no such page\n");
  my $type = $status eq '200 OK' ? 'text/html; charset=utf-8' : 'text/plain';
  print {$client} "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: ", length $body,
    "\r\nConnection: close\r\n\r\n", $body;
  print join(' ', $client->peerhost // '-', $method // '-', $path // '-', $status), "\n";
  close $client;
}

sub ask {
  my ($name) = @_;
  my $worker = IO::Socket::INET->new(PeerAddr => $ENV{uc "${name}_host"} // $name, PeerPort => 80, Timeout => 5)
    or return 'away';
  print {$worker} "GET / HTTP/1.1\r\nHost: $name\r\nConnection: close\r\n\r\n";
  my ($head, $value) = split /\r\n\r\n/, do { local $/; <$worker> // '' }, 2;
  return 'away' if !defined $value || $head !~ m{^HTTP/1\.1 200 };
  return $value =~ s/\s+$//r;
}
