#!/usr/bin/perl
# Answers every request with what variable.sh prints.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
$SIG{TERM} = $SIG{INT} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalPort => 80, Listen => 64, ReuseAddr => 1) or die "cannot listen: $@\n";
print "computes its variable for whoever asks on port 80\n";

while (my $client = $server->accept) {
  while (my $line = <$client>) { last if $line =~ /^\r?\n$/ }
  my $value = qx(bash variable.sh);
  my $status = $? == 0 ? '200 OK' : '500 Internal Server Error';
  print {$client} "HTTP/1.1 $status\r\nContent-Type: text/plain\r\nContent-Length: ", length $value,
    "\r\nConnection: close\r\n\r\n", $value;
  print "$status: $value";
  close $client;
}
