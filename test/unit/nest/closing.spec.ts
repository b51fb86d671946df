import { EventEmitter } from 'node:events';
import { onClosing } from '../../../lib/nest/context/closing.js';

describe('watching the end of a response or a socket', () => {
  it('takes one listener for all who ask, and calls each but those who have stopped', () => {
    const response = Object.assign(new EventEmitter(), { headersSent: false });
    const called: number[] = [];
    const stops = Array.from({ length: 20 }, (_, index) => onClosing(response, () => called.push(index)));
    expect(response.listenerCount('close')).toBe(1);
    expect(response.listenerCount('disconnect')).toBe(0);
    for (const stop of stops.slice(2)) stop();
    response.emit('close');
    expect(called).toEqual([0, 1]);
  });

  it('hears sockets of socket.io, which disconnect', () => {
    const socket = new EventEmitter();
    let times = 0;
    onClosing(socket, () => (times += 1));
    onClosing(socket, () => (times += 1));
    expect(socket.listenerCount('disconnect')).toBe(1);
    socket.emit('disconnect');
    expect(times).toBe(2);
  });

  it('lets callbacks stop each other', () => {
    const socket = new EventEmitter();
    const called: string[] = [];
    const stop = onClosing(socket, () => {
      called.push('first');
      stop();
    });
    onClosing(socket, () => called.push('second'));
    socket.emit('close');
    socket.emit('close');
    expect(called).toEqual(['first', 'second', 'second']);
  });
});
