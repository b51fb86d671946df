import { render } from 'preact';
import './app.css';

render(<p>pglock</p>, document.getElementById('app') as HTMLElement);
