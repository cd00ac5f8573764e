// Loaded before a server written for node: whatever it listens on, it listens on this machine alone.
const net = require('net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== 'number' && typeof port !== 'string') return listen.call(this, port, ...rest);
  const done = rest.filter(argument => typeof argument === 'function');
  return listen.call(this, {port: Number(port), host: '127.0.0.1'}, ...done);
};
