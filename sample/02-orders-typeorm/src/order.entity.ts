import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('orders')
export class Order {
  @PrimaryColumn('int')
  id!: number;

  @Column('text')
  status!: 'open' | 'paid';
}
