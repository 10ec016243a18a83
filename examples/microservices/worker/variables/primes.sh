# The primes below 2,000, by the sieve of Eratosthenes.
limit=2000
for ((number = 2; number < limit; number++)); do
  [[ ${composite[number]} ]] && continue
  count=$((count + 1))
  for ((multiple = number * number; multiple < limit; multiple += number)); do composite[multiple]=1; done
done
echo "$count"
