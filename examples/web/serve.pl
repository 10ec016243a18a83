#!/usr/bin/perl
# A web server of nothing but perl, which every Debian has: serves the files beside it on port 80, one log line a request.
use strict;
use warnings;
use File::Basename qw(dirname);
use IO::Socket::INET;

$| = 1;
$SIG{TERM} = $SIG{INT} = sub { print "stopping\n"; exit 0 };
my %types = (html => 'text/html; charset=utf-8', css => 'text/css', svg => 'image/svg+xml');
my $folder = dirname(__FILE__);
my $hostname = $ENV{HOSTNAME} // 'container';
my $server = IO::Socket::INET->new(LocalPort => 80, Listen => 64, ReuseAddr => 1) or die "cannot listen: $@\n";
print $hostname, " serves $folder on port 80\n";

while (my $client = $server->accept) {
  my ($method, $path) = split ' ', (<$client> // '');
  while (my $line = <$client>) { last if $line =~ /^\r?\n$/ }
  $path = '/index.html' if !defined $path || $path eq '/';
  my ($status, $type, $body) = ('404 Not Found', 'text/plain', "no such page\n");
  if ($path =~ m{^/[\w.-]+\.(\w+)$} && open my $file, '<:raw', $folder . $path) {
    ($status, $type, $body) = ('200 OK', $types{$1} // 'text/plain', do { local $/; <$file> });
  }
  print {$client} "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: ", length $body,
    "\r\nX-Served-By: ", $hostname, "\r\nConnection: close\r\n\r\n", $body;
  print join(' ', $client->peerhost // '-', $method // '-', $path, $status), "\n";
  close $client;
}
